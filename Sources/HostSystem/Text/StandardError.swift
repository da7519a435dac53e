import SystemPackage

/// The process's standard error.
public enum StandardError {
  /// What a line for the user is.
  public enum Severity: String, Sendable {
    case error
    case warning
    case note
  }

  /// Writes `text` as one line, whatever a file's name in it has: `lkvm: error: ...`.
  public static func write(_ severity: Severity, _ text: String, from program: String) {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    write("\(program): \(severity.rawValue): \(line)\n")
  }

  /// Writes all of `text`; where nobody reads it, nothing happens.
  public static func write(_ text: String) {
    // There is no place left to report it.
    _ = try? FileDescriptor.standardError.writeAll(text.utf8)
  }
}
