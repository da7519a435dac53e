import HostSystem

extension StandardError {
  /// Writes `text` as an error of one line.
  static func writeError(_ text: String) { write(.error, text, from: "lkvm") }

  /// Writes `text` as a warning of one line.
  static func writeWarning(_ text: String) { write(.warning, text, from: "lkvm") }
}
