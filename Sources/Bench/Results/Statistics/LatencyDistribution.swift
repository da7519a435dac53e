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

  /// Requests of all entries.
  private var count: UInt64 = 0

  /// Limits for what guests report, so that garbage overflows nothing later: 2^60 requests in all, and 13 days.
  private static let countLimit: UInt64 = 1 << 60
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
    append(entries)
    self.sumNanoseconds = min(sumNanoseconds, Self.sumLimit)
    self.maxNanoseconds = min(maxNanoseconds, Self.sumLimit)
  }

  /// Adds the latencies of another worker or guest.
  mutating func add(_ other: LatencyDistribution) {
    append(other.entries)
    sumNanoseconds = min(sumNanoseconds + other.sumNanoseconds, Self.sumLimit)
    maxNanoseconds = max(maxNanoseconds, other.maxNanoseconds)
  }

  /// Requests beyond the limit of all entries are not counted.
  private mutating func append(_ new: [Entry]) {
    entries.reserveCapacity(entries.count + new.count)
    for entry in new {
      let entry = Entry(
        nanoseconds: min(entry.nanoseconds, Self.nanosecondLimit),
        count: min(entry.count, Self.countLimit - count))
      count += entry.count
      entries.append(entry)
    }
  }

  /// The same distribution as an HdrHistogram in nanoseconds, precise to three digits.
  func histogram() -> Histogram<UInt64> {
    var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    for entry in entries where entry.count > 0 { histogram.record(entry.nanoseconds, count: entry.count) }
    return histogram
  }
}
