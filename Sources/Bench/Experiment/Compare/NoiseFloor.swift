/// The change of a metric that is taken for no change.
struct NoiseFloor: Codable, Equatable, Sendable {
  /// Relative to A's median.
  var relative: Double
  /// In the metric's unit. The larger of the two counts.
  var absolute: Double
  /// Where the relative one comes from.
  var source: Source

  /// Where a floor comes from.
  enum Source: String, Codable, Sendable {
    /// A default of the metric: this host and configuration were not calibrated, or too noisily.
    case standard = "default"
    /// `bench calibrate` on this host.
    case calibrated
    /// `bench calibrate` on this host found more noise than a verdict can be based on. The floor is the highest one, and nothing within
    /// it is called unchanged.
    case capped
  }

  /// No floor is lower: code layout alone moves figures by as much.
  static let leastRelative = 0.01
  /// The highest floor. A host that can tell no less than this can show no sameness.
  static let mostRelative = 0.25

  /// The floor where nothing was calibrated.
  init(defaultOf metric: Metric) {
    relative = metric.defaultRelativeFloor
    absolute = metric.absoluteFloor
    source = .standard
  }

  /// The floor for an effect whose standard error is `standardError` (of its logarithm, or relative).
  ///
  /// Four standard errors: the estimate of no change is then within two, and the ends of its interval within another two, so that
  /// an unchanged thing is called unchanged in some 95 % of cases.
  init(metric: Metric, standardError: Double) {
    let wanted = 4 * standardError
    relative = min(max(Self.leastRelative, wanted), Self.mostRelative)
    absolute = metric.absoluteFloor
    source = wanted > Self.mostRelative ? .capped : .calibrated
  }

  /// The floor in the metric's unit, for a figure of `median`.
  func width(atMedian median: Double) -> Double { max(relative * abs(median), absolute) }
}
