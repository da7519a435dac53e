import Foundation
import Glibc
import HostSystem
import Hypervisor
import Testing

/// A running vextd of this build, or the one that `VEXT_VEXTD` names.
final class ServiceProcess {
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "vextd")

  let socket = "/tmp/vextd-t2-\(UUID().uuidString.prefix(8)).sock"
  private let path = ProcessInfo.processInfo.environment["VEXT_VEXTD"] ?? program.path
  private let arguments: [String]
  private var process: ChildProcess

  /// Starts vextd with `disks` (`NAME=PATH...`) and waits until it answers.
  init(disks: [String], options: [String] = []) throws {
    arguments = ["--socket", socket] + options + disks.flatMap { ["--disk", $0] }
    process = try ChildProcess(path: path, arguments: arguments)
    for _ in 0..<1000 {
      if (try? VextServiceQuestion.list.ask(path: socket)) != nil { return }
      usleep(10_000)
    }
    Issue.record("vextd does not answer")
  }

  /// Starts it, again after ``kill()``.
  func start() throws { process = try ChildProcess(path: path, arguments: arguments) }

  /// Ends it as a crash does.
  func kill() throws {
    process.signal(SIGKILL)
    try process.wait()
  }

  /// Ends it as a user does; tells its exit code.
  func terminate() throws -> Int32 {
    process.signal(SIGTERM)
    return try process.wait()
  }

  /// What `vextd ctl WORD` prints.
  func ask(_ question: VextServiceQuestion) throws -> String { try question.ask(path: socket) }

  /// Connections that the service has, beside the one that asks.
  func clientCount() throws -> Int {
    try ask(.list).split(separator: "\n").count { $0.hasPrefix("client ") } - 1
  }

  /// CPU time of the process, in hundredths of a second.
  func cpuTicks() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process.id)/stat", encoding: .utf8)
    let fields = text.split(separator: " ")
    return (Int(fields[13]) ?? 0) + (Int(fields[14]) ?? 0)
  }

  deinit { unsafe unlink(socket) }
}

/// A file with a text, which goes with its last user.
final class TemporaryText {
  let path = NSTemporaryDirectory() + "vext-t2-\(UUID().uuidString).conf"

  init(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }

  deinit { unsafe unlink(path) }
}
