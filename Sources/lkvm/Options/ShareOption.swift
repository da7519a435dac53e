/// `--9p DIR[,TAG[,ro]]`: a folder of the host's that the guest mounts by its tag.
struct ShareOption: Equatable {
  /// The folder.
  var directory: String
  /// The mount tag.
  var tag: String
  /// `ro`: the guest may not write.
  var isReadOnly = false

  /// The tag of a folder without one, as in kvmtool.
  static let defaultTag = "kvm_9p"

  /// Parses `argument`; nil if the folder is missing or the tag is empty.
  init?(argument: String) {
    var parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 3, parts[2] == "ro" {
      isReadOnly = true
      parts.removeLast()
    }
    if parts.count == 1 { parts.append(Self.defaultTag) }
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    directory = parts[0]
    tag = parts[1]
  }
}
