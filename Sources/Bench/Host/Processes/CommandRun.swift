import Foundation
import HostSystem
import SystemPackage

/// A program that is run to its end.
struct CommandRun {
  /// Its exit code, or 128 and the signal that ended it.
  let exitCode: Int32
  /// What it wrote to standard output, without white space around it, and to standard error unless that was kept apart.
  let output: String
  /// What it wrote to standard error, if that was kept apart.
  let errors: String

  /// Runs `words`, the first of which is looked for in PATH and in the folders for system programs.
  ///
  /// - Parameters:
  ///   - words: The program and its arguments.
  ///   - folder: Where it starts; nil: the working directory.
  ///   - separatesErrors: Whether what it writes to standard error is kept apart.
  ///   - watch: Ends the program early if it sees an interruption; the caller then asks it too.
  /// - Throws: ``BenchFailure`` if it cannot be started.
  init(
    _ words: [String], folder: String? = nil, separatesErrors: Bool = false, watch: InterruptionWatch? = nil
  ) throws(BenchFailure) {
    guard let program = words.first, let path = Self.find(program) else {
      throw BenchFailure("\(words.first ?? "") is not installed", exitCode: .unavailable)
    }
    do throws(Errno) {
      // Files instead of pipes: whatever the program leaves running cannot keep them open for a reader.
      let outputFile = try MemoryFile(name: "output")
      let errorFile = try MemoryFile(name: "errors")
      var child = try ChildProcess(
        path: path, arguments: Array(words.dropFirst()),
        environment: ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }, folder: folder,
        output: outputFile.descriptor, errors: separatesErrors ? errorFile.descriptor : outputFile.descriptor)
      while let watch, try child.isRunning() {
        if watch.isInterrupted { try child.end() }
        HostClock.sleep(nanoseconds: Self.pollNanoseconds)
      }
      exitCode = try child.wait()
      output = Self.text(try outputFile.contents())
      errors = Self.text(try errorFile.contents())
    } catch {
      throw BenchFailure("cannot run \(path): \(error)", exitCode: .unavailable)
    }
  }

  /// How long a program that has ended may go unnoticed where interruptions are watched.
  private static let pollNanoseconds: UInt64 = 500_000

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
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
