/// The outcome of a rank test.
struct RankTest: Equatable, Sendable {
  /// How a probability was computed.
  enum Method: String, Codable, Sendable {
    /// Counted over all arrangements.
    case exact
    /// Approximated by a normal distribution, with corrections for ties and continuity.
    case normal
  }

  /// The test's statistic.
  let statistic: Double
  /// The two-sided p: the probability of a statistic at least this extreme where nothing differs.
  let pValue: Double
  /// How ``pValue`` was computed.
  let method: Method
}
