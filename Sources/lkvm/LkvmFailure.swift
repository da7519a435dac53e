/// The reason why a command failed, as one line, and the exit code.
struct LkvmFailure: Error, CustomStringConvertible {
  /// What a person reads.
  let description: String
  /// The process's exit code.
  let exitCode: Int32

  /// EX_USAGE of sysexits.h.
  private static let usageExitCode: Int32 = 64

  /// The machine or the host says no: exit code 1.
  init(_ description: String) {
    self.description = description
    exitCode = 1
  }

  /// The command line says what cannot be: exit code 64 (EX_USAGE).
  static func usage(_ description: String) -> LkvmFailure {
    LkvmFailure(description, exitCode: usageExitCode)
  }

  private init(_ description: String, exitCode: Int32) {
    self.description = description
    self.exitCode = exitCode
  }
}
