import Hypervisor

/// `--vhost-user-fs SOCKET,tag=TAG`: a file system that a vhost-user back end serves.
struct VhostUserFileSystemOption: Equatable {
  /// The back end's socket.
  var socket: String
  /// The name by which the guest mounts it.
  var tag: String

  /// Reads `argument`, or answers nil for an empty path, an unknown suffix, or a tag that is missing, empty or too long.
  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, parts[1].hasPrefix("tag=") else { return nil }
    socket = String(parts[0])
    tag = String(parts[1].dropFirst(4))
    guard (1...VhostUserDeviceKind.tagByteLimit).contains(tag.utf8.count) else { return nil }
  }
}
