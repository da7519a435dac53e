import MicroGuest

/// Latencies as the micro guest records them: a histogram of TSC ticks, with exact sum and maximum.
struct TickLatencies: Equatable, Sendable {
  /// How many requests fell into each bucket of `TickHistogram`.
  private(set) var counts: [UInt64]
  /// Sum of all latencies, in ticks.
  private(set) var sumTicks: UInt64
  /// The largest latency, in ticks.
  private(set) var maxTicks: UInt64
  /// TSC ticks per millisecond.
  let tscKHz: UInt64

  /// No latencies yet, on a TSC of `tscKHz`.
  init(tscKHz: UInt64) {
    counts = [UInt64](repeating: 0, count: TickHistogram.bucketCount)
    sumTicks = 0
    maxTicks = 0
    self.tscKHz = tscKHz
  }

  /// The largest count of a bucket. No run reaches it; it keeps garbage from a guest from overflowing later sums.
  private static let countLimit: UInt64 = 1 << 48

  /// Adds what a worker recorded; buckets that `added` lacks are empty.
  mutating func add(counts added: some Sequence<UInt64>, sumTicks: UInt64, maxTicks: UInt64) {
    for (bucket, count) in zip(counts.indices, added) {
      counts[bucket] = min(counts[bucket] + min(count, Self.countLimit), Self.countLimit)
    }
    let (sum, overflows) = self.sumTicks.addingReportingOverflow(sumTicks)
    self.sumTicks = overflows ? .max : sum
    self.maxTicks = max(self.maxTicks, maxTicks)
  }

  /// Adds the latencies of another guest on the same host.
  mutating func add(_ other: TickLatencies) {
    add(counts: other.counts, sumTicks: other.sumTicks, maxTicks: other.maxTicks)
  }

  /// `ticks` in nanoseconds.
  func nanoseconds(_ ticks: UInt64) -> Double {
    tscKHz == 0 ? 0 : Double(ticks) * 1e6 / Double(tscKHz)
  }

  /// The middle of `bucket` in nanoseconds, never above the largest latency that was seen.
  func representativeNanoseconds(ofBucket bucket: Int) -> Double {
    let lowest = TickHistogram.lowerBound(ofBucket: bucket)
    let middle = lowest + (TickHistogram.width(ofBucket: bucket) - 1) / 2
    return nanoseconds(min(middle, max(maxTicks, lowest)))
  }
}
