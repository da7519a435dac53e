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
  init(_ latencies: TickLatencies) {
    let histogram = latencies.histogram()
    upperNanoseconds = []
    counts = []
    for (bucket, count) in latencies.counts.enumerated() where count > 0 {
      let value = UInt64(latencies.representativeNanoseconds(ofBucket: bucket).rounded())
      let upper = histogram.highestEquivalentForValue(value)
      if upper == upperNanoseconds.last {
        counts[counts.count - 1] += count
      } else {
        upperNanoseconds.append(upper)
        counts.append(count)
      }
    }
  }
}
