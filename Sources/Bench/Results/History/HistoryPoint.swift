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
