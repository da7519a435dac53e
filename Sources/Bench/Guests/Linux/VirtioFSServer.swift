import HostSystem
import Hypervisor

/// virtiofsd, which serves one guest's folder over vhost-user. It ends with this object. One thread.
final class VirtioFSServer {
  /// The socket at which it listens.
  let socket: String
  private let process: PeerProcess
  private var lastNanoseconds: UInt64 = 0

  /// The program: that of Debian 13 and newer, written in Rust, or QEMU's own of Debian 12. Their options differ.
  enum Program: CaseIterable {
    case rust
    case qemu

    /// Where Debian has it.
    var path: String { self == .rust ? "/usr/libexec/virtiofsd" : "/usr/lib/qemu/virtiofsd" }

    /// The one that is installed; nil if none is.
    static var installed: Program? { allCases.first { CommandRun.find($0.path) != nil } }

    /// The arguments with which it serves `folder`.
    ///
    /// - Parameters:
    ///   - cache: What the guest caches: `none`, `auto` or `always`.
    ///   - isDirect: Whether the guest's O_DIRECT reaches the host's files.
    func arguments(folder: String, socket: String, cache: String, isDirect: Bool) -> [String] {
      switch self {
      case .rust:
        [
          "--socket-path=\(socket)", "--shared-dir=\(folder)", "--sandbox=chroot",
          "--cache=\(cache == "none" ? "never" : cache)",
        ] + (isDirect ? ["--allow-direct-io"] : [])
      case .qemu:
        [
          "--socket-path=\(socket)", "-o", "source=\(folder)", "-o", "sandbox=chroot", "-o", "cache=\(cache)",
        ] + (isDirect ? ["-o", "allow_direct_io"] : [])
      }
    }
  }

  /// Starts it on `cpus`, all if there are none, and waits until it listens.
  ///
  /// - Throws: ``BenchFailure`` with its own words if it does not start.
  init(
    folder: String, cache: String, isDirect: Bool, socket: String, errorPath: String, cpus: CPUSet
  ) throws {
    guard let program = Program.installed else { throw BenchFailure(Self.absence, exitCode: .unavailable) }
    let words =
      [program.path]
      + program.arguments(folder: folder, socket: socket, cache: cache, isDirect: isDirect)
    let pinned = cpus.isEmpty ? words : ["taskset", "-c", cpus.description] + words
    process = try PeerProcess(
      program: pinned[0], arguments: Array(pinned.dropFirst()), outputPath: "\(errorPath).output",
      errorPath: errorPath)
    self.socket = socket
    try process.waitForSockets([socket], name: "virtiofsd")
  }

  /// What to say where it is not installed.
  static let absence =
    "virtiofsd is not installed (Debian 12: qemu-system-common; Debian 13: virtiofsd)"

  /// CPU time of all its threads so far; once it has ended, as it was last seen.
  func cpuNanoseconds() -> UInt64 {
    lastNanoseconds = ProcessThread.cpuNanoseconds(ofProcess: process.id) ?? lastNanoseconds
    return lastNanoseconds
  }

  /// The CPUs that it may run on.
  func grantedCPUs() throws -> String { try ForeignThread(id: process.id).grantedCPUs().description }

  /// Ends it.
  func end() { process.kill() }
}
