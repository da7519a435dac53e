import Glibc

/// The process's standard error.
enum StandardError {
  /// Writes `text` as an error, which is one line: whatever a file's name has in it.
  static func writeError(_ text: String) {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    write("lkvm: error: \(line)\n")
  }

  /// Writes `text` as a warning of one line.
  static func writeWarning(_ text: String) {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    write("lkvm: warning: \(line)\n")
  }

  /// Writes all of `text`; where nobody reads it, nothing happens.
  static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(count, 0))
    }
  }
}
