/// A score of whether completions come sooner than a yield takes, so that a driver on a shared CPU should poll for them first.
///
/// A yield costs an exit. Where completions take longer, as those of a disk do, each microsecond of polling before it is one that
/// another vCPU lacks.
struct CompletionLatencyScore {
  private static var highest: UInt8 { 3 }
  /// From this score on the driver polls first. One wait that a time slice interrupted does not change that.
  private static var pollingScore: UInt8 { 2 }
  /// After this number of waits the driver polls first once, to see whether completions come sooner now.
  private static var probeInterval: UInt32 { 64 }

  private var score = Self.highest
  private var waitCount: UInt32 = 0
  /// Whether to poll for the time of a yield before the first one.
  private(set) var pollsFirst = true

  /// Call at the start of a wait.
  ///
  /// - Parameter isShort: whether the wait before was shorter than a yield.
  mutating func note(isShort: Bool) {
    if pollsFirst {
      if isShort { score = min(score &+ 1, Self.highest) } else if score > 0 { score &-= 1 }
    }
    waitCount &+= 1
    pollsFirst = score >= Self.pollingScore || waitCount % Self.probeInterval == 0
  }
}
