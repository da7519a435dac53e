import Foundation

/// The built program, as a user's shell sees it.
enum BenchProgram {
  /// Where it is.
  static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appending(path: "bench")

  struct Outcome {
    var exitCode: Int32
    var output: String
    var errors: String
  }

  /// Runs it with `arguments` in `folder`, with `environment` over its own, with limits of prlimit(1) if there are any, and with its output to `outputPath`.
  static func run(
    _ arguments: [String], in folder: String, environment: [String: String] = [:],
    under limits: [String] = [],
    outputPath: String? = nil
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = limits.isEmpty ? program : URL(filePath: "/usr/bin/prlimit")
    process.arguments = (limits.isEmpty ? [] : limits + [program.path]) + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.currentDirectoryURL = URL(filePath: folder)
    let (output, errors) = (Pipe(), Pipe())
    if let outputPath {
      process.standardOutput = try FileHandle(forWritingTo: URL(filePath: outputPath))
      try output.fileHandleForWriting.close()
    } else {
      process.standardOutput = output
    }
    process.standardError = errors
    try process.run()
    // Both are far smaller than a pipe's buffer: reading one after the other cannot block.
    let outputData = try output.fileHandleForReading.readToEnd() ?? Data()
    let errorData = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Outcome(
      exitCode: process.terminationStatus + (process.terminationReason == .exit ? 0 : 128),
      output: String(decoding: outputData, as: UTF8.self),
      errors: String(decoding: errorData, as: UTF8.self))
  }
}
