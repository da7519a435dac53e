import Foundation

/// A program that is run to its end.
struct CommandRun {
  /// Its exit code, or 128 and the signal that ended it.
  let exitCode: Int32
  /// What it wrote to standard output and standard error.
  let output: String

  /// Runs `words`, the first of which is looked for in PATH and in the folders for system programs.
  ///
  /// - Parameter folder: Where it runs; nil: where bench does.
  /// - Throws: ``BenchFailure`` if it cannot be started.
  init(_ words: [String], folder: String? = nil) throws {
    guard let program = words.first, let path = Self.find(program) else {
      throw BenchFailure("\(words.first ?? "") is not installed", exitCode: .unavailable)
    }
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = Array(words.dropFirst())
    if let folder { process.currentDirectoryURL = URL(filePath: folder) }
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    let pipe = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    do {
      try process.run()
      let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      output = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    } catch {
      throw BenchFailure("cannot run \(path): \(error.localizedDescription)", exitCode: .unavailable)
    }
    let status = process.terminationStatus
    exitCode = process.terminationReason == .uncaughtSignal ? 128 + status : status
  }

  /// Where `program` is, or nil.
  static func find(_ program: String) -> String? {
    if program.contains("/") { return FileManager.default.isExecutableFile(atPath: program) ? program : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return find(program, in: "\(path):/usr/sbin:/sbin:/usr/bin:/bin")
  }

  /// Where the folders of `path`, separated by colons, have `program`; or nil.
  static func find(_ program: String, in path: String) -> String? {
    path.split(separator: ":").map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
