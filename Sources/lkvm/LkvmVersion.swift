import HostSystem

/// The output of `lkvm version`.
enum LkvmVersion {
  static let text = ProjectVersion.text
}
