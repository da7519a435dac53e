/// How long a side looks for entries before it sleeps, by what its sleeps turned out to be (docs/vext-protocol.md §8.1).
///
/// A sleep that was shorter than the limit would have been avoided by more patience: the window doubles. A longer one was
/// worth it, and the time spent looking was not: the window halves. So it stays between ``start`` and ``limit``.
@frozen
public struct PollingWindow: BitwiseCopyable, Sendable {
  /// The shortest window, with which it starts, in the caller's unit of time.
  public let start: UInt64
  /// The longest window. More than a sleep and a wake-up cost would be wasted.
  public let limit: UInt64
  /// How long to look now.
  public private(set) var length: UInt64

  /// A window that has seen nothing yet. `limit` is at least `start`.
  public init(start: UInt64, limit: UInt64) {
    self.start = start
    self.limit = limit
    length = start
  }

  /// Learns from a sleep that ended because there was something to do.
  public mutating func learn(slept: UInt64) {
    length = slept < limit ? min(limit, length &* 2) : max(start, length / 2)
  }
}
