import Foundation
import Glibc
import Hypervisor
import Testing

/// A running vextd of this build.
final class ServiceProcess {
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "vextd")

  let socket = "/tmp/vextd-t2-\(UUID().uuidString.prefix(8)).sock"
  private let arguments: [String]
  private var process = Process()

  /// Starts vextd with `disks` (`NAME=PATH...`) and waits until it answers.
  init(disks: [String], options: [String] = []) throws {
    arguments = ["--socket", socket] + options + disks.flatMap { ["--disk", $0] }
    try start()
    for _ in 0..<1000 {
      if (try? VextServiceQuestion.list.ask(path: socket)) != nil { return }
      usleep(10_000)
    }
    Issue.record("vextd does not answer")
  }

  /// Starts it, again after ``kill()``.
  func start() throws {
    process = Process()
    process.executableURL = Self.program
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    try process.run()
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

  /// CPU time of the process, in hundredths of a second.
  func cpuTicks() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
    let fields = text.split(separator: " ")
    return (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0)
  }

  deinit {
    if process.isRunning { kill() }
    unsafe unlink(socket)
  }
}

/// A file with a text, which goes with its last user.
final class TemporaryText {
  let path = NSTemporaryDirectory() + "vext-t2-\(UUID().uuidString).conf"

  init(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }

  deinit { unsafe unlink(path) }
}
