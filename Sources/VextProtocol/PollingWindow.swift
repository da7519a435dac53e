/// How long a side looks for entries before it sleeps, by what its sleeps turned out to be (docs/vext-protocol.md §8.1).
///
/// A sleep that was shorter than the limit would have been avoided by more patience: the window doubles. A longer one was
/// worth it, and the time spent looking was not: the window halves.
///
/// What a sleep costs is the wake-up, once for each request that waits for it, and what looking costs is one processor:
/// the limit grows with the requests that wait, up to ``maxWaiters`` of them.
@frozen
public struct PollingWindow: BitwiseCopyable, Sendable {
  /// The shortest window, with which it starts, in the caller's unit of time.
  public let start: UInt64
  /// The longest window while one request waits. More than a sleep and a wake-up cost would be wasted.
  public let limit: UInt64
  /// So many requests that wait count, and no more.
  public static var maxWaiters: UInt64 { 8 }
  /// How long to look now.
  public private(set) var length: UInt64

  /// A window that has seen nothing yet. `limit` is at least `start`.
  public init(start: UInt64, limit: UInt64) {
    self.start = start
    self.limit = limit
    length = start
  }

  /// Learns from a sleep that ended because there was something to do.
  ///
  /// - Parameter waiting: requests that were under way when it began.
  public mutating func learn(slept: UInt64, waiting: UInt64) {
    let limit = self.limit &* min(max(waiting, 1), Self.maxWaiters)
    length = slept < limit ? min(limit, length &* 2) : max(start, length / 2)
  }
}
