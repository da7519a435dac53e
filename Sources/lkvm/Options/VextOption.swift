import VextProtocol

/// `--vext PATH[,queues=N][,ro][,direct][,poll][,format=raw]` or `--vext vextd:SOCKET/NAME[,queues=N][,wait=SECONDS]`: a disk served
/// through the vext queue.
struct VextOption: Equatable {
  /// Where the disk comes from.
  enum Source: Equatable {
    /// An image or a block device that this process opens.
    case file(path: String)
    /// A disk that vextd has open.
    case service(socket: String, name: String)
  }

  private static let servicePrefix = "vextd:"

  /// Where the disk comes from.
  var source: Source
  /// Queues that the function offers; nil: one for each vCPU.
  var queueCount: Int?
  /// `wait`: how long the guest waits for the successor of a vextd that has ended; nil: the default.
  var waitSeconds: UInt64?
  /// `ro`: the guest may not write.
  var isReadOnly = false
  /// `direct`: opened with O_DIRECT.
  var isDirect = false
  /// `poll`: the I/O thread never sleeps.
  var polls = false
  /// `format=raw`: its bytes are the disk's, whatever they look like.
  var acceptsAnyFormat = false

  /// Reads `argument`, or answers nil for an empty path, an unknown suffix, a number of queues that no vext function has,
  /// or, beside `vextd:`, anything but `queues` and `wait`, because the service decides the rest.
  init?(argument: String) {
    var parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let path = String(parts.removeFirst())
    guard !path.isEmpty else { return nil }
    if path.hasPrefix(Self.servicePrefix) {
      let place = path.dropFirst(Self.servicePrefix.count)
      guard let slash = place.lastIndex(of: "/"), slash > place.startIndex,
        place.index(after: slash) < place.endIndex,
        parts.allSatisfy({ $0.hasPrefix("queues=") || $0.hasPrefix("wait=") })
      else { return nil }
      source = .service(socket: String(place[..<slash]), name: String(place[place.index(after: slash)...]))
    } else {
      source = .file(path: path)
    }
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
      case ("wait", 2):
        guard case .service = source, let count = OptionNumber.parse(String(words[1])),
          (0...3600).contains(count)
        else { return nil }
        waitSeconds = UInt64(count)
      default: return nil
      }
    }
  }
}
