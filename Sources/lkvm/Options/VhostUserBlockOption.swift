import Hypervisor

/// `--vhost-user-blk SOCKET[,queues=N]`: a disk that a vhost-user back end serves.
struct VhostUserBlockOption: Equatable {
  /// The back end's socket.
  var socket: String
  /// The number of queues; nil: one for each vCPU, as far as the back end has them.
  var queueCount: Int?

  /// Reads `argument`, or answers nil for an empty path, an unknown suffix or a number of queues that no device has.
  init?(argument: String) {
    var parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    socket = String(parts.removeFirst())
    guard !socket.isEmpty, parts.count <= 1 else { return nil }
    for part in parts {
      guard part.hasPrefix("queues="), let count = OptionNumber.parse(String(part.dropFirst(7))),
        (1...VhostUserDeviceKind.queueLimit).contains(count)
      else { return nil }
      queueCount = count
    }
  }
}
