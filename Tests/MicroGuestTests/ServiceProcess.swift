import Foundation
import Glibc
import Hypervisor
import Testing

/// A running vextd of this build.
final class ServiceProcess {
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "vextd")

  let socket = "/tmp/vextd-t2-\(UUID().uuidString.prefix(8)).sock"
  private let process = Process()

  /// Starts vextd with `disks` (`NAME=PATH...`) and waits until it answers.
  init(disks: [String], engine: String = "libaio", threads: Int = 1) throws {
    process.executableURL = Self.program
    process.arguments =
      ["--socket", socket, "--engine", engine, "--threads", "\(threads)"] + disks.flatMap { ["--disk", $0] }
    process.standardInput = FileHandle.nullDevice
    try process.run()
    for _ in 0..<1000 {
      if (try? VextServiceQuestion.list.ask(path: socket)) != nil { return }
      usleep(10_000)
    }
    Issue.record("vextd does not answer")
  }

  /// Ends it as a crash does.
  func kill() {
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Ends it as a user does; tells its exit code.
  func terminate() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// What `vextd ctl WORD` prints.
  func ask(_ question: VextServiceQuestion) throws -> String { try question.ask(path: socket) }

  /// Connections that the service has, beside the one that asks.
  func clientCount() throws -> Int {
    try ask(.list).split(separator: "\n").count { $0.hasPrefix("client ") } - 1
  }

  deinit {
    if process.isRunning { kill() }
    unsafe unlink(socket)
  }
}
