import Foundation
import Glibc
import Testing

/// A running qemu-storage-daemon that serves a disk as a vhost-user back end.
final class StorageDaemon {
  static let program = "/usr/bin/qemu-storage-daemon"

  let socket = "/tmp/qsd-t2-\(UUID().uuidString.prefix(8)).sock"
  private let process = Process()

  /// Starts it and waits until it listens.
  init(disk: String, queueCount: Int = 1) throws {
    process.executableURL = URL(filePath: Self.program)
    process.arguments = [
      "--blockdev", "driver=file,node-name=file,filename=\(disk),locking=off",
      "--blockdev", "driver=raw,node-name=disk,file=file",
      "--export",
      "vhost-user-blk,id=export,node-name=disk,writable=on,num-queues=\(queueCount),addr.type=unix,addr.path=\(socket)",
    ]
    process.standardInput = FileHandle.nullDevice
    try process.run()
    for _ in 0..<1000 where !FileManager.default.fileExists(atPath: socket) { usleep(10_000) }
  }

  /// Ends it as a crash does.
  func kill() {
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  deinit {
    if process.isRunning { kill() }
    unsafe unlink(socket)
  }
}
