/// The ranks of some values, from 1; equal values share the mean of their ranks.
struct MidRanks: Equatable, Sendable {
  /// The rank of each value, in the values' order.
  let ranks: [Double]
  /// The sum of t^3 - t over all groups of t equal values, by which ties reduce the variance of a rank sum.
  let tieTerm: Double

  /// Whether any two values are equal.
  var hasTies: Bool { tieTerm > 0 }

  /// What makes all ranks whole: 2 where there are ties.
  var wholeScale: Double { hasTies ? 2 : 1 }
  /// The ranks times ``wholeScale``.
  var wholeRanks: [Int] { ranks.map { Int(wholeScale * $0) } }

  /// Ranks `values`.
  init(_ values: [Double]) {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var tieTerm = 0.0
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      let size = Double(end - start)
      // Ranks start + 1 to end.
      for place in start..<end { ranks[order[place]] = Double(start + 1 + end) / 2 }
      tieTerm += size * size * size - size
      start = end
    }
    self.ranks = ranks
    self.tieTerm = tieTerm
  }
}

/// The outcome of a rank test.
struct RankTest: Equatable, Sendable {
  /// How a probability was computed.
  enum Method: String, Codable, Sendable {
    /// Counted over all arrangements of the ranks, tied ones included.
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
