import Histogram

/// Mean, percentiles and maximum of a latency distribution, in nanoseconds.
///
/// Mean and maximum are exact. Percentiles come from an HdrHistogram of three digits that is filled from the guest's
/// buckets. The micro guest's are at most 1/128 of their value wide, which puts percentiles within 0.6 % of the true
/// ones; fio's are 1/64 wide: within 1 %.
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
  init(_ latencies: LatencyDistribution) {
    let histogram = latencies.histogram()
    let largest = latencies.maxNanoseconds
    func percentile(_ percent: Double) -> Double {
      histogram.totalCount == 0 ? 0 : min(Double(histogram.valueAtPercentile(percent)), largest)
    }
    let count = histogram.totalCount
    mean = count == 0 ? 0 : latencies.sumNanoseconds / Double(count)
    p50 = percentile(50)
    p90 = percentile(90)
    p99 = percentile(99)
    p99_9 = percentile(99.9)
    max = largest
  }
}
