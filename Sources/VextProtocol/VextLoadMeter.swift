/// Measures the share of time for which requests were in flight, over about the last sixteen spans.
///
/// At low load a side sleeps as soon as it finds nothing: polling would cost CPU time for a wake-up that few requests need.
/// Times are in the caller's unit; ticks and nanoseconds both fit.
public struct VextLoadMeter: BitwiseCopyable, Sendable {
  /// A span of the sums is forgotten at this rate.
  private static var spanCount: UInt64 { 16 }
  /// Longest span that counts, in the caller's unit: about 4 ms. A longer pause says no more about the load to come.
  private static var longestSpan: UInt64 { 1 << 22 }
  /// The load is low while requests are in flight for less than the time divided by this number.
  private static var lowLoadDivisor: UInt64 { 4 }

  private var busy: UInt64 = 0
  private var total: UInt64 = 0

  /// No span yet: the load does not count as low.
  public init() {}

  /// Adds a span of the length `total`, during `busy` of which requests were in flight.
  public mutating func add(busy: UInt64, of total: UInt64) {
    let counted = min(total, Self.longestSpan)
    self.busy = self.busy &- self.busy / Self.spanCount &+ min(busy, counted)
    self.total = self.total &- self.total / Self.spanCount &+ counted
  }

  /// Whether requests were in flight for less than a quarter of the time.
  public var isLow: Bool { busy < total / Self.lowLoadDivisor }
}
