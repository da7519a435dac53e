/// What `lkvm version` says.
enum LkvmVersion {
  /// The release, as in CHANGELOG.md.
  static let text = "0.3.0"
}
