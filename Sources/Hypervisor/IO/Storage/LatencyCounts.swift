import Synchronization

/// How many requests took how long, in buckets of ticks of the TSC: eight for each power of two.
public struct LatencyCounts: Equatable, Sendable {
  /// Number of buckets: the last one has everything above 2^40 ticks, some minutes.
  static let bucketCount = 8 * 39

  /// Requests in each bucket; empty for none at all.
  var counts: [UInt64] = []
  /// Length of a tick.
  var nanosecondsPerTick = 0.0

  init() {}

  /// The bucket of a time.
  @inline(__always)
  static func bucket(ofTicks ticks: UInt64) -> Int {
    guard ticks >= 8 else { return Int(truncatingIfNeeded: ticks) }
    let exponent = 63 &- ticks.leadingZeroBitCount
    let index = (exponent &- 2) &* 8 &+ Int(truncatingIfNeeded: ticks &>> UInt64(exponent &- 3)) & 7
    return min(index, bucketCount &- 1)
  }

  /// The first number of ticks behind a bucket.
  static func end(ofBucket index: Int) -> Double {
    let next = index + 1
    guard next >= 16 else { return Double(next) }
    return Double(8 + next % 8) * Double(sign: .plus, exponent: next / 8 - 1, significand: 1)
  }

  /// Requests in all buckets.
  var total: UInt64 { counts.reduce(0, &+) }

  /// The time in nanoseconds within which `part` of the requests were done, rounded up to the end of a bucket, by 12.5 % at most; nil
  /// without requests.
  public func nanoseconds(within part: Double) -> Double? {
    let total = total
    guard total > 0 else { return nil }
    let wanted = min(max((part * Double(total)).rounded(.up), 1), Double(total))
    var sum: UInt64 = 0
    for (index, count) in counts.enumerated() {
      sum &+= count
      if Double(sum) >= wanted { return Self.end(ofBucket: index) * nanosecondsPerTick }
    }
    return nil
  }

  /// What came since `earlier`.
  public func since(_ earlier: LatencyCounts) -> LatencyCounts {
    guard earlier.counts.count == counts.count else { return self }
    var difference = self
    for index in counts.indices {
      difference.counts[index] =
        counts[index] > earlier.counts[index] ? counts[index] - earlier.counts[index] : 0
    }
    return difference
  }
}

/// Counts of latencies that one thread writes and any thread reads.
final class LatencyCounters: Sendable {
  private let counters = InlineArray<312, Atomic<UInt64>> { _ in Atomic(0) }

  /// Counts a request that took `ticks`.
  @inline(__always)
  func note(ticks: UInt64) { counters[LatencyCounts.bucket(ofTicks: ticks)].add(1) }

  /// Adds the counts so far to `counts`.
  func add(to counts: inout LatencyCounts) {
    if counts.counts.isEmpty { counts.counts = [UInt64](repeating: 0, count: LatencyCounts.bucketCount) }
    for index in 0..<LatencyCounts.bucketCount {
      counts.counts[index] &+= counters[index].load(ordering: .relaxed)
    }
  }
}
