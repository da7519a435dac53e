import VextProtocol

/// `--vext PATH[,queues=N][,ro][,direct][,poll][,format=raw]`: a disk served through the vext queue.
struct VextOption: Equatable {
  /// The image or block device.
  var path: String
  /// Queues that the function offers; nil: one for each vCPU.
  var queueCount: Int?
  /// `ro`: the guest may not write.
  var isReadOnly = false
  /// `direct`: opened with O_DIRECT.
  var isDirect = false
  /// `poll`: the I/O thread never sleeps.
  var polls = false
  /// `format=raw`: its bytes are the disk's, whatever they look like.
  var acceptsAnyFormat = false

  /// Reads `argument`, or answers nil for an empty path, an unknown suffix or a number of queues that no vext function has.
  init?(argument: String) {
    var parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    path = String(parts.removeFirst())
    guard !path.isEmpty else { return nil }
    for part in parts {
      let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      switch (words[0], words.count) {
      case ("ro", 1): isReadOnly = true
      case ("direct", 1): isDirect = true
      case ("poll", 1): polls = true
      case ("format", 2) where words[1] == "raw": acceptsAnyFormat = true
      case ("queues", 2):
        guard let count = OptionNumber.parse(String(words[1])),
          (1...Int(VextRegister.queueLimit)).contains(count)
        else {
          return nil
        }
        queueCount = count
      default: return nil
      }
    }
  }
}
