import Histogram

/// An HdrHistogram of latencies, reduced to the buckets that are not empty.
struct NanosecondHistogram: Codable, Equatable, Sendable {
  /// The largest value of each bucket, in nanoseconds, ascending.
  var upperNanoseconds: [UInt64]
  /// How many requests fell into each.
  var counts: [UInt64]

  enum CodingKeys: String, CodingKey {
    case upperNanoseconds = "upper_ns"
    case counts
  }

  /// The buckets of `latencies`.
  init(_ latencies: LatencyDistribution) {
    let histogram = latencies.histogram()
    upperNanoseconds = []
    counts = []
    let entries = latencies.entries.filter { $0.count > 0 }.sorted { $0.nanoseconds < $1.nanoseconds }
    for entry in entries {
      let upper = histogram.highestEquivalentForValue(entry.nanoseconds)
      if upper == upperNanoseconds.last {
        counts[counts.count - 1] += entry.count
      } else {
        upperNanoseconds.append(upper)
        counts.append(entry.count)
      }
    }
  }
}
