import MicroGuest

@testable import Bench

extension TickLatencies {
  /// Adds single latencies, as the guest's worker does.
  mutating func add(values: [UInt64]) {
    var counts = [UInt64](repeating: 0, count: TickHistogram.bucketCount)
    for value in values { counts[TickHistogram.bucket(of: value)] += 1 }
    add(counts: counts, sumTicks: values.reduce(0, +), maxTicks: values.max() ?? 0)
  }
}
