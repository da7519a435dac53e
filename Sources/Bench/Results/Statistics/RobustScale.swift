/// A standard deviation that tolerates outliers.
enum RobustScale {
  /// The standard deviation of a normal distribution by its median absolute deviation: 1 / quantile(3/4).
  private static let normalFactor = 1.482_602_218_505_602

  /// The standard deviation of `values`, estimated by the median absolute deviation; 0 for fewer than two.
  static func deviation(of values: [Double]) -> Double {
    guard values.count > 1, let centre = values.median else { return 0 }
    return normalFactor * (values.map { abs($0 - centre) }.median ?? 0)
  }
}
