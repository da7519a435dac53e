import Foundation

/// How the pairs of a sequential comparison are turned into changes: logarithms of ratios, or differences for a metric that is about 0.
///
/// The first pairs choose, so that a decision never depends on later pairs.
struct SequentialScale {
  /// The change that is looked for, on this scale.
  let margin: Double
  /// Whether changes are logarithms of ratios, and so have a size relative to A.
  let isRatio: Bool

  /// The scale for `pairs` of `metric` with a relative margin of `margin`.
  init(_ pairs: [SampleSet.Pair], metric: Metric, margin: Double) {
    let first = pairs.prefix(SequentialSignTest.firstLook)
    let level = first.map(\.first).median ?? 0
    isRatio =
      margin * level > metric.absoluteFloor && first.allSatisfy { $0.first > 0 && $0.second > 0 }
    self.margin = isRatio ? log1p(margin) : max(margin * level, metric.absoluteFloor)
  }

  /// The logarithm that stands for a ratio to or from 0.
  private static let largestLogarithm = 20.0

  /// The change from A to B.
  func change(_ pair: SampleSet.Pair) -> Double {
    guard isRatio else { return pair.second - pair.first }
    let (first, second) = (max(0, pair.first), max(0, pair.second))
    if first == second { return 0 }
    return min(max(log(second) - log(first), -Self.largestLogarithm), Self.largestLogarithm)
  }

  /// The share of A that the logarithm of a ratio stands for.
  static func relative(_ logarithm: Double) -> Double { expm1(logarithm) }
}
