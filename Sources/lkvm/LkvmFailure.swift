import CLinux
import Glibc
import HostSystem

/// The reason why a command failed, as one line, and the exit code.
struct LkvmFailure: Error, CustomStringConvertible {
  /// The error message: one line.
  let description: String
  /// The process's exit code.
  let exitCode: Int32

  /// EX_USAGE of sysexits.h.
  private static let usageExitCode: Int32 = 64

  /// Makes a failure of the machine or the host: exit code 1.
  init(_ description: String) {
    self.description = description
    exitCode = 1
  }

  /// Makes the failure of a wrong command line: exit code 64 (EX_USAGE).
  static func usage(_ description: String) -> LkvmFailure {
    LkvmFailure(description, exitCode: usageExitCode)
  }

  private init(_ description: String, exitCode: Int32) {
    self.description = description
    self.exitCode = exitCode
  }
}

extension StandardError {
  /// Writes `text` as an error of one line.
  static func writeError(_ text: String) { write(.error, text, from: "lkvm") }

  /// Writes `text` as a warning of one line.
  static func writeWarning(_ text: String) { write(.warning, text, from: "lkvm") }

  /// Whether it is the file, pipe or terminal that standard output goes to.
  static var isWhereOutputGoes: Bool {
    var (output, errors) = (stat(), stat())
    guard unsafe fstat(1, &output) == 0, unsafe fstat(2, &errors) == 0 else { return false }
    return output.st_dev == errors.st_dev && output.st_ino == errors.st_ino
  }
}
