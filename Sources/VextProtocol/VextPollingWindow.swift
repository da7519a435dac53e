/// The time for which a side polls before it sleeps. It adapts to the length of earlier sleeps (docs/vext-protocol.md
/// §8.1).
///
/// After a sleep that was shorter than the limit the window doubles, because polling longer would have avoided the sleep.
/// After a longer sleep it halves, because polling before it was wasted.
///
/// The limit grows with the number of waiting requests, up to ``maxWaiters``, because a wake-up delays each of them,
/// while polling costs one CPU whatever their number.
@frozen
public struct VextPollingWindow: BitwiseCopyable, Sendable {
  /// The shortest window, and the first one, in the caller's unit of time.
  public let start: UInt64
  /// The longest window while one request waits: about the cost of a sleep and a wake-up.
  public let limit: UInt64
  /// The number of waiting requests that lengthen the window is capped at this value.
  public static var maxWaiters: UInt64 { 8 }
  /// The current window.
  public private(set) var length: UInt64

  /// Makes a window of the length `start`. `limit` must be at least `start`.
  public init(start: UInt64, limit: UInt64) {
    self.start = start
    self.limit = limit
    length = start
  }

  /// Adapts the window to a sleep that ended with work.
  ///
  /// - Parameter waiting: number of requests that were in flight when the sleep began.
  public mutating func learn(slept: UInt64, waiting: UInt64) {
    let limit = self.limit &* min(max(waiting, 1), Self.maxWaiters)
    length = slept < limit ? min(limit, length &* 2) : max(start, length / 2)
  }
}
