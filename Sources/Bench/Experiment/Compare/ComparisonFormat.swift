/// How a comparison is printed.
enum ComparisonFormat: String, CaseIterable, Sendable {
  /// For a terminal.
  case table
  /// For programs.
  case json
  /// For a page or a pull request.
  case markdown
  /// A JUnit file, for GitLab, Jenkins and others.
  case junit
  /// Annotations of GitHub Actions.
  case github
}
