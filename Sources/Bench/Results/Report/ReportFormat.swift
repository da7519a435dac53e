/// How results are printed.
enum ReportFormat: String, CaseIterable, Sendable {
  /// For a terminal.
  case table
  /// For programs.
  case json
  /// For a page or a pull request.
  case markdown
}
