/// The outcome of a rank test.
struct RankTest: Equatable, Sendable {
  /// Where the probability came from.
  enum Method: String, Codable, Sendable {
    /// Counted over all arrangements.
    case exact
    /// Approximated by a normal distribution, with corrections for ties and continuity.
    case normal
  }

  /// The test's statistic.
  let statistic: Double
  /// How likely a statistic at least this extreme, in either direction, is if nothing differs.
  let pValue: Double
  /// Where ``pValue`` came from.
  let method: Method
}
