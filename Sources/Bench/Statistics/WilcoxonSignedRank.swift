/// The Wilcoxon signed-rank test: whether differences of pairs are centred at 0 (Wilcoxon, 1945).
enum WilcoxonSignedRank {
  /// Exact up to so many differences; the normal approximation is good long before.
  private static let exactCountLimit = 50

  /// Tests `differences`; nil if there is none. Zeros are left out, as Wilcoxon did. The statistic is the sum of the ranks
  /// of the positive ones.
  static func test(_ differences: [Double]) -> RankTest? {
    guard !differences.isEmpty else { return nil }
    let nonzero = differences.filter { $0 != 0 }
    guard !nonzero.isEmpty else { return RankTest(statistic: 0, pValue: 1, method: .exact) }
    let ranks = MidRanks(nonzero.map(abs))
    let statistic = zip(nonzero, ranks.ranks).reduce(0) { $1.0 > 0 ? $0 + $1.1 : $0 }
    let count = Double(nonzero.count)
    let mean = count * (count + 1) / 4
    if !ranks.hasTies, nonzero.count <= exactCountLimit {
      let smaller = min(statistic, 2 * mean - statistic)
      let probability = lowerTail(of: Int(smaller), count: nonzero.count)
      return RankTest(statistic: statistic, pValue: min(1, 2 * probability), method: .exact)
    }
    let variance = (count * (count + 1) * (2 * count + 1) - ranks.tieTerm / 2) / 24
    let distance = max(0, abs(statistic - mean) - 0.5)
    let pValue = NormalDistribution.twoSided(distance / variance.squareRoot())
    return RankTest(statistic: statistic, pValue: pValue, method: .normal)
  }

  /// The smallest p that so many pairs can give: that of differences of one sign.
  static func smallestPValue(_ count: Int) -> Double {
    var probability = 2.0
    for _ in 0..<count { probability /= 2 }
    return min(1, probability)
  }

  /// The share of sign patterns over ranks 1 to `count` whose positive ranks sum up to at most `statistic`.
  private static func lowerTail(of statistic: Int, count: Int) -> Double {
    // ways[s]: sets of the ranks seen so far that sum up to s.
    var ways = [Double](repeating: 0, count: count * (count + 1) / 2 + 1)
    ways[0] = 1
    for rank in 1...count {
      for sum in stride(from: ways.count - 1, through: rank, by: -1) { ways[sum] += ways[sum - rank] }
    }
    return ways[...statistic].reduce(0, +) / ways.reduce(0, +)
  }
}
