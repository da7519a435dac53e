/// The comparison of two sets of boots, A and B, over all their configurations and metrics.
struct Comparison: Codable, Equatable, Sendable {
  /// What A and B are, for the reader.
  let titleA: String
  let titleB: String
  let host: HostIdentity
  let metrics: [MetricComparison]
  /// What a reader must know, a sentence each.
  private(set) var notes: [String]

  enum CodingKeys: String, CodingKey {
    case host, metrics, notes
    case titleA = "a"
    case titleB = "b"
  }

  /// The sides of a comparison, and how to compare them.
  struct Request: Sendable {
    var titleA: String
    var titleB: String
    var bootsA: [BootSample]
    var bootsB: [BootSample]
    var metrics: [Metric]
    /// Whether boots of the same repetition were measured side by side.
    var isPaired: Bool
    /// Whether boots of different hosts may be compared.
    var isForced = false
    var calibrations: [Calibration] = []
    /// Of the bootstrap.
    var seed: UInt64 = 1
    /// Of the bootstrap.
    var resampleCount = BootstrapInterval.defaultResampleCount
  }

  /// Compares the sides of `request`.
  ///
  /// - Throws: ``BenchFailure`` if the sides cannot be compared.
  init(_ request: Request) throws {
    let sides = try ComparisonSides(request)
    var metrics: [MetricComparison] = []
    for (key, title) in sides.configurations {
      for metric in request.metrics {
        guard let samples = sides.samples(of: metric, configuration: key) else { continue }
        let floor = Self.floor(for: metric, key, samples, request)
        if let comparison = MetricComparison(
          configuration: title, metric: metric, samples: samples, floor: floor, seed: request.seed,
          resampleCount: request.resampleCount)
        {
          metrics.append(comparison)
        }
      }
    }
    let adjusted = Holm.adjusted(metrics.map(\.pValue))
    for index in metrics.indices { metrics[index].judge(adjustedPValue: adjusted[index]) }
    titleA = request.titleA
    titleB = request.titleB
    host = sides.host
    self.metrics = metrics
    notes = sides.notes + Self.notes(metrics)
  }

  /// The same comparison with more to know.
  func adding(notes more: [String]) -> Comparison {
    var comparison = self
    comparison.notes += more
    return comparison
  }

  /// What a command that made this comparison ends with.
  var exitCode: Int32 { Verdict.exitCode(of: metrics.map(\.verdict)) }

  private static func floor(
    for metric: Metric, _ key: ConfigurationKey, _ samples: SampleSet, _ request: Request
  ) -> NoiseFloor {
    let entry = request.calibrations.lazy.flatMap(\.entries).first {
      $0.metric == metric && $0.configuration.removing(ignored(in: key, of: $0)) == key
    }
    guard let entry else { return NoiseFloor(defaultOf: metric) }
    return entry.floor(
      bootsA: samples.first.count, bootsB: samples.second.count, isPaired: samples.isPaired)
  }

  /// The columns that `key` leaves out.
  private static func ignored(in key: ConfigurationKey, of entry: Calibration.Entry) -> Set<String> {
    Set(entry.configuration.values.keys).subtracting(key.values.keys)
  }

  private static func notes(_ metrics: [MetricComparison]) -> [String] {
    var notes: [String] = []
    if metrics.contains(where: { $0.floor.source == .standard }) {
      notes.append(
        "floors marked * are defaults: bench calibrate measures those of this host and these configurations")
    }
    if let fewest = metrics.filter({ !$0.hasEnoughBoots }).map({ min($0.bootsA, $0.bootsB) }).min() {
      notes.append("\(fewest) boots are too few for any verdict: take 6 pairs, or 4 boots a side, at least")
    }
    let strongest = metrics.filter { $0.isPaired && $0.hasEnoughBoots }.map { $0.bootsA }.min()
    if let strongest,
      WilcoxonSignedRank.smallestPValue(strongest) * Double(metrics.count) > MetricComparison.significance
    {
      notes.append(
        "\(metrics.count) tests on \(strongest) pairs: after correction a single change cannot be significant; "
          + "take more boots, or fewer metrics (--metric)")
    }
    return notes
  }
}
