import Histogram

/// The usual figures of a latency distribution, in nanoseconds.
///
/// Mean and maximum are exact. Percentiles come from an HdrHistogram of three digits that is filled from the guest's
/// buckets, which are at most 1/128 of their value wide: they are within 0.6 % of the true ones.
struct LatencySummary: Equatable, Sendable {
  /// Arithmetic mean.
  let mean: Double
  /// Median.
  let p50: Double
  /// 90th percentile.
  let p90: Double
  /// 99th percentile.
  let p99: Double
  /// 99.9th percentile.
  let p99_9: Double
  /// Largest.
  let max: Double

  /// Summarizes `latencies`; all zero if there are none.
  init(_ latencies: TickLatencies) {
    let histogram = latencies.histogram()
    let largest = latencies.nanoseconds(latencies.maxTicks)
    func percentile(_ percent: Double) -> Double {
      histogram.totalCount == 0 ? 0 : min(Double(histogram.valueAtPercentile(percent)), largest)
    }
    let count = histogram.totalCount
    mean = count == 0 ? 0 : latencies.nanoseconds(latencies.sumTicks) / Double(count)
    p50 = percentile(50)
    p90 = percentile(90)
    p99 = percentile(99)
    p99_9 = percentile(99.9)
    max = largest
  }
}

extension TickLatencies {
  /// The same distribution as an HdrHistogram in nanoseconds, precise to three digits.
  func histogram() -> Histogram<UInt64> {
    var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    for (bucket, count) in counts.enumerated() where count > 0 {
      histogram.record(UInt64(representativeNanoseconds(ofBucket: bucket).rounded()), count: count)
    }
    return histogram
  }
}
