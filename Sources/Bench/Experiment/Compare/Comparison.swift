/// The comparison of two sets of boots, A and B, over all their configurations and metrics.
struct Comparison: Encodable, Equatable, Sendable {
  /// The names of A and B: files, revisions or options.
  let titleA: String
  let titleB: String
  let host: HostIdentity
  /// The hosts, if there are several that both sides have.
  let hosts: [HostIdentity]
  /// What changed on each of them.
  let changesByHost: [HostChange]
  let metrics: [MetricComparison]
  /// The configurations in which a boot failed.
  let reliability: [Reliability]
  /// Configurations and metrics that could not be compared.
  let notCompared: [String]
  /// Notes for the reader, a sentence each.
  private(set) var notes: [String]

  enum CodingKeys: String, CodingKey {
    case host, hosts, metrics, notes, reliability
    case changesByHost = "by_host"
    case titleA = "a"
    case titleB = "b"
    case notCompared = "not_compared"
  }

  /// The sides of a comparison, and how to compare them.
  struct Request: Sendable {
    var titleA: String
    var titleB: String
    var bootsA: [BootSample]
    var bootsB: [BootSample]
    var metrics: [Metric]
    /// Whether boots of the same repetition are paired.
    var isPaired: Bool
    /// Whether boots of different hosts may be compared.
    var isForced = false
    /// Whether boots that are not to be trusted are left out.
    var leavesOutDoubtful = false
    /// The change, as a share, that is found or excluded after as few pairs as possible; nil: all boots are judged at once.
    var confidentMargin: Double?
    var calibrations: [Calibration] = []
    /// Whether the rows are all that is known of the boots, as those of files without a plan: gaps then are failed boots.
    var rowsAreAll = false
    /// Boots that left no row, by cell.
    var failedBoots: [FailedBoots] = []
    /// The host of the boots, needed if none of them left a row.
    var host: HostIdentity?
  }

  /// The boots of one cell of an experiment that left no row.
  struct FailedBoots: Equatable, Sendable {
    var cell: String
    var a: Reliability.Count
    var b: Reliability.Count
  }

  /// Compares the sides of `request`.
  ///
  /// - Throws: ``BenchFailure`` if the sides cannot be compared.
  init(_ request: Request) throws {
    titleA = request.titleA
    titleB = request.titleB
    let failed = request.failedBoots.map { (configuration: "\($0.cell) (no row)", a: $0.a, b: $0.b) }
    if request.bootsA.isEmpty || request.bootsB.isEmpty, !failed.isEmpty,
      let host = (request.bootsA + request.bootsB).first?.host ?? request.host
    {
      self.host = host
      hosts = []
      changesByHost = []
      metrics = []
      notCompared = failed.map(\.configuration)
      reliability = Reliability.comparisons(failed)
      notes = []
      return
    }
    let sides = try ComparisonSides(request)
    var judged = request
    // Noise is a host's own.
    if sides.hosts.count > 1 { judged.calibrations = [] }
    var metrics: [MetricComparison] = []
    var changesByHost: [[HostChange]] = []
    var notCompared: [String] = []
    for (key, title) in sides.configurations {
      for metric in request.metrics {
        let comparison = sides.samples(of: metric, configuration: key).flatMap { samples in
          MetricComparison(
            configuration: title, metric: metric, samples: samples,
            floor: Self.floor(for: metric, key, samples, judged))
        }
        if let comparison {
          metrics.append(comparison)
          changesByHost.append(sides.changesByHost(of: metric, configuration: key, title: title))
        } else {
          notCompared.append("\(title) \(metric.rawValue)")
        }
      }
    }
    notCompared += sides.missing + sides.unexplained
    let adjusted = Holm.adjusted(metrics.map(\.pValue))
    let smallest = Holm.adjusted(metrics.map(\.smallestPValue))
    for index in metrics.indices {
      metrics[index].judge(adjustedPValue: adjusted[index], smallestAdjustedPValue: smallest[index])
    }
    let design = request.confidentMargin.map { margin in
      SequentialDesign(margin: margin, testCount: sides.configurations.count * request.metrics.count)
    }
    if let design {
      for index in metrics.indices { metrics[index].decide(by: design) }
    }
    for index in metrics.indices where HostChange.disagree(changesByHost[index]) {
      metrics[index].leaveOpen()
    }
    host = sides.hosts[0]
    hosts = sides.hosts.count > 1 ? sides.hosts : []
    self.changesByHost = changesByHost.flatMap(\.self)
    self.metrics = metrics
    self.notCompared = notCompared
    reliability = Reliability.comparisons(sides.counts + failed)
    notes =
      sides.notes + ComparisonNotes.hosts(changesByHost)
      + (design.map { ComparisonNotes.sequential(metrics, design: $0) }
        ?? ComparisonNotes.verdicts(metrics, isPaired: sides.isPaired)
        + Self.calibrationNotes(judged, metrics))
  }

  /// The same comparison with further notes.
  func adding(notes more: [String]) -> Comparison {
    var comparison = self
    comparison.notes += more
    return comparison
  }

  /// All verdicts, those on reliability among them.
  var verdicts: [Verdict] {
    metrics.map(\.verdict) + reliability.map(\.verdict)
      + (notCompared.isEmpty && !metrics.isEmpty ? [] : [.inconclusive])
  }

  /// The exit code of the command. A comparison of nothing is inconclusive.
  var exitCode: Int32 { Verdict.exitCode(of: verdicts) }

  private static func entry(
    for metric: Metric, _ key: ConfigurationKey, in calibrations: [Calibration]
  ) -> Calibration.Entry? {
    calibrations.lazy.flatMap(\.entries).first {
      $0.metric == metric && $0.configuration.removing(ignored(in: key, of: $0)) == key
    }
  }

  private static func floor(
    for metric: Metric, _ key: ConfigurationKey, _ samples: SampleSet, _ request: Request
  ) -> NoiseFloor {
    guard let entry = entry(for: metric, key, in: request.calibrations), entry.isUsable else {
      return NoiseFloor(defaultOf: metric)
    }
    return entry.floor(
      bootsA: samples.first.count, bootsB: samples.second.count, isPaired: samples.isPaired)
  }

  private static func calibrationNotes(_ request: Request, _ metrics: [MetricComparison]) -> [String] {
    let judged = Set(metrics.map(\.metric))
    let unusable = request.calibrations.filter { calibration in
      calibration.entries.contains { !$0.isUsable && judged.contains($0.metric) }
    }
    return unusable.flatMap { calibration in
      calibration.unusableNotes.map { "calibration of \(calibration.createdAt): \($0)" }
    }
  }

  /// The columns that `key` leaves out.
  private static func ignored(in key: ConfigurationKey, of entry: Calibration.Entry) -> Set<String> {
    Set(entry.configuration.values.keys).subtracting(key.values.keys)
  }
}
