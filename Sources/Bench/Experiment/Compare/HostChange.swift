/// The change of one metric and configuration on one of several hosts.
///
/// What a host adds to all of its boots is a random effect: it cancels within a pair of one host. What it adds to the *change* does not, so
/// that hosts are asked whether they agree.
struct HostChange: Encodable, Equatable, Sendable {
  let host: HostIdentity
  let configuration: String
  let metric: Metric
  /// Pairs of boots of the host.
  let pairCount: Int
  /// The change as the comparison has it, relative to A's median on the host; in the metric's unit where that is 0.
  let shift: Double
  /// Its interval.
  let interval: ConfidenceInterval

  enum CodingKeys: String, CodingKey {
    case host, configuration, metric, shift, interval
    case pairCount = "pairs"
  }

  /// The change in `pairs`, which are of `host`; nil if there is none.
  init?(host: HostIdentity, configuration: String, metric: Metric, pairs: [SampleSet.Pair]) {
    guard !pairs.isEmpty,
      let comparison = MetricComparison(
        configuration: configuration, metric: metric, samples: .paired(pairs),
        floor: NoiseFloor(defaultOf: metric))
    else { return nil }
    self.host = host
    self.configuration = configuration
    self.metric = metric
    pairCount = pairs.count
    shift = comparison.relativeShift ?? comparison.shift
    interval = comparison.relativeInterval ?? comparison.interval
  }

  /// Whether the change of one host is above 0 and that of another below, each with its whole interval.
  ///
  /// With fewer than six pairs a host has no interval of 95 %, and says nothing.
  static func disagree(_ changes: [HostChange]) -> Bool {
    let sure = changes.filter { $0.interval.confidence >= 1 - MetricComparison.significance }
    return sure.contains { $0.interval.lower > 0 } && sure.contains { $0.interval.upper < 0 }
  }
}
