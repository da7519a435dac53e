/// The version of this project: what every program prints, what CHANGELOG.md's first heading names, and the release's tag without its `v`.
public enum ProjectVersion {
  /// Major, minor and patch number, by semver.org.
  public static let text = "0.1.0"
}
