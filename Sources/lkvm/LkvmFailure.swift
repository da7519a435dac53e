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
