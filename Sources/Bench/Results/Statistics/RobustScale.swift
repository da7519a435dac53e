/// The spread of values of which some may be outliers.
enum RobustScale {
  /// Makes the median absolute deviation of a normal distribution its standard deviation: 1 / quantile(3/4).
  private static let normalFactor = 1.482_602_218_505_602

  /// An estimate of the standard deviation of `values` that a few outliers do not move; 0 for fewer than two.
  static func deviation(of values: [Double]) -> Double {
    guard values.count > 1, let centre = values.median else { return 0 }
    return normalFactor * (values.map { abs($0 - centre) }.median ?? 0)
  }
}
