/// A confidence interval of a change.
struct ConfidenceInterval: Equatable, Sendable {
  /// The lower end.
  let lower: Double
  /// The upper end.
  let upper: Double
  /// The confidence: the smallest share of samples whose interval holds the true value. It is lower than the requested level where the
  /// samples are too few.
  var confidence: Double

  /// The same interval with both ends changed by `change`, which must not reorder them.
  func mapEnds(_ change: (Double) -> Double) -> ConfidenceInterval {
    ConfidenceInterval(lower: change(lower), upper: change(upper), confidence: confidence)
  }
}

extension ConfidenceInterval: Codable {
  enum CodingKeys: String, CodingKey {
    case lower, upper, confidence
  }

  /// Reads an interval. Those without ``confidence``, which older files hold, are 95 % intervals.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    lower = try container.decode(Double.self, forKey: .lower)
    upper = try container.decode(Double.self, forKey: .upper)
    confidence = try container.decodeIfPresent(Double.self, forKey: .confidence) ?? 0.95
  }
}

extension ConfidenceInterval {
  /// The interval that belongs to Wilcoxon's signed-rank test of `values`: all locations that the test does not reject; nil without
  /// values.
  ///
  /// Its ends are order statistics of the Walsh averages, whose ranks are exact quantiles of the signed-rank distribution
  /// (Hollander, Wolfe, Chicken, "Nonparametric statistical methods", 3rd edition, section 3.3). So it holds the level for every
  /// sample size and every symmetric distribution; a bootstrap of a few values does not (docs/benchmarking.md).
  static func ofLocation(_ values: [Double], confidence: Double) -> ConfidenceInterval? {
    guard !values.isEmpty else { return nil }
    return ends(
      of: WalshAverages(values), significance: 1 - confidence,
      rank: WilcoxonSignedRank.criticalRank(count: values.count, tail: (1 - confidence) / 2),
      widest: 1 - WilcoxonSignedRank.smallestPValue(values.count))
  }

  /// The interval that belongs to the Mann-Whitney test: all shifts from `first` to `second` that the test does not reject; nil if a
  /// sample is empty.
  static func ofShift(from first: [Double], to second: [Double], confidence: Double) -> ConfidenceInterval? {
    guard !first.isEmpty, !second.isEmpty else { return nil }
    return ends(
      of: PairwiseDifferences(from: first, to: second), significance: 1 - confidence,
      rank: MannWhitney.criticalRank(first.count, second.count, tail: (1 - confidence) / 2),
      widest: 1 - MannWhitney.smallestPValue(first.count, second.count))
  }

  /// The order statistics `rank` from both ends; the first and the last where `rank` is 0.
  private static func ends(
    of values: some SelectableValues, significance: Double, rank: Int, widest: Double
  ) -> ConfidenceInterval {
    let isWideEnough = rank >= 1
    let place = min(max(1, rank), (values.count + 1) / 2)
    return ConfidenceInterval(
      lower: values.value(ofRank: place), upper: values.value(ofRank: values.count + 1 - place),
      confidence: isWideEnough ? 1 - significance : widest)
  }
}

/// The Hodges-Lehmann estimates of location and shift: as robust as a median against outliers, and nearly as precise
/// as a mean without them (Hodges and Lehmann, "Estimates of location based on rank tests", 1963).
///
/// They belong to the rank tests: after a shift by the estimate, the test finds no difference.
enum HodgesLehmann {
  /// The shift from `first` to `second`: the median of all differences between the two; nil if one is empty.
  static func shift(from first: [Double], to second: [Double]) -> Double? {
    first.isEmpty || second.isEmpty ? nil : PairwiseDifferences(from: first, to: second).median
  }

  /// The centre of `values`, such as the differences of pairs: the median of the means of all pairs of values, each value
  /// with itself included; nil if there is none.
  static func location(of values: [Double]) -> Double? {
    values.isEmpty ? nil : WalshAverages(values).median
  }
}
