import Glibc

/// The process's standard error.
enum StandardError {
  /// Writes `text` as one line; where nobody reads it, nothing happens.
  static func write(_ text: String) {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
    // SAFETY: the C string lives for the duration of the call.
    _ = unsafe line.withCString { unsafe Glibc.write(2, $0, strlen($0)) }
  }
}
