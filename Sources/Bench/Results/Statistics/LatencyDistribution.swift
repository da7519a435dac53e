import Histogram

/// Latencies of requests in nanoseconds, from the micro guest or from fio.
struct LatencyDistribution: Equatable, Sendable {
  /// A number of requests with about the same latency.
  struct Entry: Equatable, Sendable {
    /// The latency, in nanoseconds.
    var nanoseconds: UInt64
    /// How many requests.
    var count: UInt64
  }

  /// In no order; a latency may have several entries.
  private(set) var entries: [Entry] = []
  /// Sum of all latencies, in nanoseconds.
  private(set) var sumNanoseconds = 0.0
  /// The largest latency, in nanoseconds.
  private(set) var maxNanoseconds = 0.0

  /// Limits for what a guest reports, so that garbage overflows nothing later: 2^48 requests, and 13 days.
  private static let countLimit: UInt64 = 1 << 48
  private static let nanosecondLimit: UInt64 = 1 << 50
  private static let sumLimit = 1e30

  /// No latencies.
  init() {}

  /// What a micro guest recorded.
  init(_ ticks: TickLatencies) {
    var entries: [Entry] = []
    for (bucket, count) in ticks.counts.enumerated() where count > 0 {
      entries.append(
        Entry(
          nanoseconds: UInt64(ticks.representativeNanoseconds(ofBucket: bucket).rounded()), count: count))
    }
    self.init(
      entries: entries, sumNanoseconds: ticks.nanoseconds(ticks.sumTicks),
      maxNanoseconds: ticks.nanoseconds(ticks.maxTicks))
  }

  /// Latencies by value, with their exact sum and maximum.
  init(entries: [Entry], sumNanoseconds: Double, maxNanoseconds: Double) {
    self.entries = entries.map {
      Entry(
        nanoseconds: min($0.nanoseconds, Self.nanosecondLimit), count: min($0.count, Self.countLimit))
    }
    self.sumNanoseconds = min(sumNanoseconds, Self.sumLimit)
    self.maxNanoseconds = min(maxNanoseconds, Self.sumLimit)
  }

  /// Adds the latencies of another worker or guest.
  mutating func add(_ other: LatencyDistribution) {
    entries += other.entries
    sumNanoseconds += other.sumNanoseconds
    maxNanoseconds = max(maxNanoseconds, other.maxNanoseconds)
  }

  /// The same distribution as an HdrHistogram in nanoseconds, precise to three digits.
  func histogram() -> Histogram<UInt64> {
    var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    for entry in entries where entry.count > 0 { histogram.record(entry.nanoseconds, count: entry.count) }
    return histogram
  }
}
