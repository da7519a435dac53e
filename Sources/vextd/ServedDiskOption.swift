import ArgumentParser

/// `--disk NAME=PATH[,ro][,direct][,format=raw][,owner=UID][,group=GID]`.
struct ServedDiskOption: ExpressibleByArgument, Equatable {
  /// By which clients ask for it.
  let name: String
  /// The image or block device.
  let path: String
  /// Nobody may write.
  var isReadOnly = false
  /// Opened with O_DIRECT.
  var isDirect = false
  /// Its bytes are the disk's, whatever they look like.
  var acceptsAnyFormat = false
  /// Who may open it beside root; nil: the service's user.
  var ownerID: UInt32?
  /// The group whose members may open it.
  var groupID: UInt32?

  init?(argument: String) {
    let words = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2, !words[0].isEmpty else { return nil }
    name = String(words[0])
    var parts = words[1].split(separator: ",", omittingEmptySubsequences: false)
    path = String(parts.removeFirst())
    guard !path.isEmpty else { return nil }
    for part in parts {
      let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      switch (words[0], words.count) {
      case ("ro", 1): isReadOnly = true
      case ("direct", 1): isDirect = true
      case ("format", 2) where words[1] == "raw": acceptsAnyFormat = true
      case ("owner", 2):
        guard let number = UInt32(words[1]) else { return nil }
        ownerID = number
      case ("group", 2):
        guard let number = UInt32(words[1]) else { return nil }
        groupID = number
      default: return nil
      }
    }
  }
}
