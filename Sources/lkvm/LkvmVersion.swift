import HostSystem

/// What `lkvm version` prints.
enum LkvmVersion {
  static let text = ProjectVersion.text
}
