import Foundation

/// A running lkvm between pipes. coreutils' timeout ends it where it hangs.
struct LkvmProcess {
  /// The built program.
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "lkvm")

  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()

  init(_ arguments: [String], folder: String, environment: [String: String]) throws {
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "30", Self.program.path] + arguments
    process.currentDirectoryURL = URL(filePath: folder)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
  }

  /// What it came to. What it writes is far smaller than a pipe's buffer.
  func waitForEnd() throws -> LkvmFixture.Outcome {
    let outputData = try output.fileHandleForReading.readToEnd() ?? Data()
    let errorData = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return LkvmFixture.Outcome(
      exitCode: process.terminationStatus, output: String(decoding: outputData, as: UTF8.self),
      errors: String(decoding: errorData, as: UTF8.self))
  }
}

extension LkvmProcess {
  /// A file of /proc about a process or one of its threads.
  static func text(_ process: Int32, _ name: String) throws -> String {
    try String(contentsOfFile: "/proc/\(process)/\(name)", encoding: .utf8)
  }

  /// Waits until a process is gone or a zombie, two seconds at most; tells whether it is.
  static func hasEnded(_ process: Int32) -> Bool {
    for _ in 0..<100 where isRunning(process) { usleep(20_000) }
    return !isRunning(process)
  }

  /// Whether a process is there and not a zombie.
  private static func isRunning(_ process: Int32) -> Bool {
    ((try? text(process, "stat")) ?? ") Z ").contains(") Z ") == false
  }
}
