import Foundation
import GuestInit
import Hypervisor
import Testing

/// A root directory whose init runs as the first process of namespaces of its own instead of a machine's.
///
/// Without the capabilities to write ports and to switch off, the init can end the namespace only by its exit status.
final class NamespaceGuest {
  let root: GuestRootDirectory
  private let folder: String

  static let isPossible = getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "init-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    root = try GuestRootDirectory.create(name: "ns", in: folder, initProgram: GuestInitImage.bytes())
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// The contents of a file of the guest's root.
  func contents(_ path: String) -> String? {
    FileManager.default.contents(atPath: root.path + path).map { String(decoding: $0, as: UTF8.self) }
  }

  func write(_ path: String, _ text: String, permissions: Int = 0o644) throws {
    try Data(text.utf8).write(to: URL(filePath: root.path + path))
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: root.path + path)
  }

  /// Runs the init with what lkvm would pass in the initramfs: the exit status, and what was printed.
  ///
  /// - Parameter input: what the console sends; nil: nothing.
  func run(_ files: [String: String], parameters: String = "lkvm.host=none", input: [UInt8]? = nil) throws
    -> (
      status: Int32, output: String
    )
  {
    try FileManager.default.createDirectory(atPath: "\(folder)/lkvm", withIntermediateDirectories: true)
    for (name, contents) in files {
      try Data(contents.utf8).write(to: URL(filePath: "\(folder)/lkvm/\(name)"))
    }
    try Data("\(parameters)\n".utf8).write(to: URL(filePath: "\(folder)/cmdline"))
    let script = """
      set -e
      cd \(root.path)
      mount -t tmpfs tmpfs run; cp -r ../lkvm run/lkvm; [ ! -f run/lkvm/script ] || chmod 700 run/lkvm/script
      mount -t tmpfs tmpfs dev; mount --bind / host
      mount -t proc proc proc; mount --bind ../cmdline proc/cmdline
      exec setpriv --bounding-set=-sys_rawio,-sys_boot --inh-caps=-sys_rawio,-sys_boot chroot . /virt/init
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments =
      ["-k", "1", "20", "unshare", "-m", "-p", "-f", "-u", "-n", "-i", "--propagation", "private"]
      + ["sh", "-c", script]
    let inputPipe = Pipe()
    if input == nil {
      process.standardInput = FileHandle.nullDevice
    } else {
      process.standardInput = inputPipe
    }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    // It stays open, as a console does.
    if let input { try inputPipe.fileHandleForWriting.write(contentsOf: Data(input)) }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}
