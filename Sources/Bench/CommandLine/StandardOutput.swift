import Foundation
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Standard output, whose failures are failures of the command: a full disk must not pass for a result.
enum StandardOutput {
  /// Red where a person reads it on a terminal, and does not object (https://no-color.org).
  private static let marksWarnings =
    isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty

  /// `text` with its warnings in red.
  static func marked(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.contains(TrustIssue.warning) ? "\u{1B}[31m\(line)\u{1B}[0m" : String(line)
    }.joined(separator: "\n")
  }

  /// Writes `text`.
  ///
  /// - Throws: ``BenchFailure`` with the exit code of an output that cannot be written.
  static func write(_ text: String) throws {
    do {
      try FileDescriptor.standardOutput.writeAll(Array((marksWarnings ? marked(text) : text).utf8))
    } catch {
      throw failure("\(error)")
    }
  }

  /// Writes `text` and a line end.
  static func writeLine(_ text: String) throws { try write(text + "\n") }

  /// Checks that what the library printed, such as the help, has reached its place.
  static func flush() throws {
    guard fflush(nil) == 0 else { throw failure("\(Errno(rawValue: errno))") }
  }

  private static func failure(_ reason: String) -> BenchFailure {
    BenchFailure("cannot write to standard output: \(reason)", exitCode: .cannotCreate)
  }
}
