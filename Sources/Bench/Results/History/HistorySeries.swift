/// The time line of one metric of one configuration on one host.
struct HistorySeries: Codable, Equatable, Sendable {
  let host: HostIdentity
  let configuration: String
  let metric: Metric
  let unit: String
  /// By time.
  let points: [HistoryPoint]
  let steps: [Step]

  /// A change of level that stayed.
  struct Step: Codable, Equatable, Sendable {
    /// Index of the first point of the new level.
    let index: Int
    let startedAt: String
    /// The revision that it came with.
    let revision: String
    /// That of the point before.
    let previousRevision: String
    let levelBefore: Double
    let levelAfter: Double
    /// Whether the new level is the better one.
    let isBetter: Bool

    enum CodingKeys: String, CodingKey {
      case index, revision
      case startedAt = "started_at"
      case previousRevision = "previous_revision"
      case levelBefore = "level_before"
      case levelAfter = "level_after"
      case isBetter = "better"
    }
  }

  /// The series of `points`, in which steps are looked for.
  init(
    host: HostIdentity, configuration: String, metric: Metric, points: [HistoryPoint],
    detection: StepDetection = StepDetection()
  ) {
    self.host = host
    self.configuration = configuration
    self.metric = metric
    unit = metric.unit
    let points = points.sorted { ($0.startedAt, $0.file) < ($1.startedAt, $1.file) }
    self.points = points
    let cuts = detection.steps(in: points.map(\.value))
    steps = cuts.enumerated().compactMap { place, cut in
      let start = place == 0 ? 0 : cuts[place - 1]
      let end = place + 1 < cuts.count ? cuts[place + 1] : points.count
      guard let before = points[start..<cut].map(\.value).median,
        let after = points[cut..<end].map(\.value).median
      else { return nil }
      return Step(
        index: cut, startedAt: points[cut].startedAt, revision: points[cut].revision,
        previousRevision: points[cut - 1].revision, levelBefore: before, levelAfter: after,
        isBetter: (after > before) == (metric.direction == .moreIsBetter))
    }
  }
}

/// One point of a time line: the median over the boots of one revision in one file.
///
/// Boots of one run share the state of the host on that day, so that a run is one point however many boots it has.
struct HistoryPoint: Codable, Equatable, Sendable {
  /// When the first of its boots ran, as ISO 8601.
  let startedAt: String
  let revision: String
  let file: String
  let boots: Int
  let value: Double

  enum CodingKeys: String, CodingKey {
    case revision, file, boots, value
    case startedAt = "started_at"
  }
}
