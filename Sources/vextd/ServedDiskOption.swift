import ArgumentParser
import HostSystem
import Hypervisor

/// `--disk NAME=PATH[,ro][,direct][,format=raw][,owner=UID][,group=GID][,weight=N][,iops=N][,bps=N][,burst=MS]`.
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
  /// Its part relative to those of other machines.
  var weight = 100
  /// Requests per second at most.
  var requestsPerSecond: UInt64?
  /// Bytes per second at most.
  var bytesPerSecond: UInt64?
  /// As many requests and bytes as this time allows may start at once.
  var burstMilliseconds: UInt64?

  /// The limits, with a state of their own.
  var share: DiskShare {
    DiskShare(
      weight: weight,
      throttle: DiskThrottle(
        requestsPerSecond: requestsPerSecond, bytesPerSecond: bytesPerSecond,
        burstMilliseconds: burstMilliseconds ?? DiskThrottle.usualBurstMilliseconds))
  }

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
      case ("weight", 2):
        guard let number = Int(words[1]), DiskShare.weights.contains(number) else { return nil }
        weight = number
      case ("iops", 2):
        guard let number = UInt64(words[1]), number > 0 else { return nil }
        requestsPerSecond = number
      case ("bps", 2):
        guard let number = ByteCountText.byteCount(String(words[1])), number > 0 else { return nil }
        bytesPerSecond = number
      case ("burst", 2):
        guard let number = UInt64(words[1]), number <= 86_400_000 else { return nil }
        burstMilliseconds = number
      default: return nil
      }
    }
    if burstMilliseconds != nil, requestsPerSecond == nil, bytesPerSecond == nil { return nil }
  }
}
