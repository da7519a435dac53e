/// The largest change of a metric that counts as no change.
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
    /// `bench calibrate` on this host found too much noise for a verdict. The floor is ``NoiseFloor/mostRelative``, and nothing within it is
    /// called unchanged.
    case capped
  }

  /// The lowest floor, because code layout alone changes results by as much.
  static let leastRelative = 0.01
  /// The highest floor. On a host with more noise, nothing can be shown to be unchanged.
  static let mostRelative = 0.25

  /// The floor where nothing was calibrated.
  init(defaultOf metric: Metric) {
    relative = metric.defaultRelativeFloor
    absolute = metric.absoluteFloor
    source = .standard
  }

  /// The floor for an effect whose standard error is `standardError` (of its logarithm, or relative).
  ///
  /// The floor is four standard errors. The estimate for an unchanged metric lies within two of them and its interval reaches two further, so
  /// that it is called unchanged in about 95 % of cases.
  init(metric: Metric, standardError: Double) {
    let wanted = 4 * standardError
    relative = min(max(Self.leastRelative, wanted), Self.mostRelative)
    absolute = metric.absoluteFloor
    source = wanted > Self.mostRelative ? .capped : .calibrated
  }

  /// The floor in the metric's unit, where the median is `median`.
  func width(atMedian median: Double) -> Double { max(relative * abs(median), absolute) }
}
