/// The median of some samples, with the smallest and the largest.
///
/// A sample is one boot: requests within a boot are not independent, so nothing here is computed over them.
struct Spread: Equatable, Sendable {
  /// The middle sample, or the mean of the two in the middle.
  let median: Double
  /// The smallest sample.
  let minimum: Double
  /// The largest sample.
  let maximum: Double

  /// The spread of `samples`, or nil if there are none.
  init?(_ samples: [Double]) {
    let sorted = samples.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    minimum = first
    maximum = last
    let middle = sorted.count / 2
    median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
