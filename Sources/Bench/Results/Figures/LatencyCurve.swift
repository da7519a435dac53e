/// The distribution of one boot's latencies, from the histograms of its guests.
struct LatencyCurve: Equatable, Sendable {
  /// Ends of buckets, in nanoseconds, ascending.
  private let uppers: [UInt64]
  /// How many requests took no longer than each.
  private let cumulated: [UInt64]

  /// Requests beyond this are no count of ours.
  private static let largestCount: UInt64 = 1 << 60

  /// Puts `histograms` together; nil if they are empty or contradict themselves.
  init?(_ histograms: [NanosecondHistogram]) {
    var counts: [UInt64: UInt64] = [:]
    var total: UInt64 = 0
    for histogram in histograms {
      guard histogram.upperNanoseconds.count == histogram.counts.count else { return nil }
      for (upper, count) in zip(histogram.upperNanoseconds, histogram.counts) {
        guard count <= Self.largestCount, total <= Self.largestCount else { return nil }
        counts[upper, default: 0] += count
        total += count
      }
    }
    guard total > 0 else { return nil }
    let buckets = counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }
    uppers = buckets.map(\.key)
    var sum: UInt64 = 0
    cumulated = buckets.map {
      sum += $0.value
      return sum
    }
  }

  /// All requests.
  var requestCount: UInt64 { cumulated[cumulated.count - 1] }

  /// The latency that a `share` of all requests did not exceed, in nanoseconds.
  func nanoseconds(atShare share: Double) -> Double {
    let total = requestCount
    let rank = max(1, min(Double(total), (share * Double(total)).rounded(.up)))
    let index = cumulated.firstIndex { Double($0) >= rank } ?? cumulated.count - 1
    return Double(uppers[index])
  }
}
