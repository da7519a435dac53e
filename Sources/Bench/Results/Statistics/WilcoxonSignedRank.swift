/// The Wilcoxon signed-rank test: whether differences of pairs are centred at 0 (Wilcoxon, 1945).
enum WilcoxonSignedRank {
  /// The test is exact up to this number of differences; the normal approximation is good for fewer already.
  private static let exactCountLimit = 50

  /// Tests `differences`; nil if there is none. Zeros are left out, as Wilcoxon did (`zero_method="wilcox"` of SciPy). The statistic is the
  /// sum of the ranks of the positive ones.
  ///
  /// The exact p is that of the permutation test: over all signs of the differences, whose ranks may be tied.
  static func test(_ differences: [Double]) -> RankTest? {
    guard !differences.isEmpty else { return nil }
    let nonzero = differences.filter { $0 != 0 }
    guard !nonzero.isEmpty else { return RankTest(statistic: 0, pValue: 1, method: .exact) }
    let ranks = MidRanks(nonzero.map(abs))
    let statistic = zip(nonzero, ranks.ranks).reduce(0) { $1.0 > 0 ? $0 + $1.1 : $0 }
    let count = Double(nonzero.count)
    let mean = count * (count + 1) / 4
    if nonzero.count <= exactCountLimit {
      // The distribution is symmetric, with ties too.
      let smaller = min(statistic, 2 * mean - statistic)
      let probability = distribution(ofRanks: ranks.wholeRanks)[...Int(ranks.wholeScale * smaller)]
        .reduce(0, +)
      return RankTest(statistic: statistic, pValue: min(1, 2 * probability), method: .exact)
    }
    let variance = (count * (count + 1) * (2 * count + 1) - ranks.tieTerm / 2) / 24
    let distance = max(0, abs(statistic - mean) - 0.5)
    let pValue = NormalDistribution.twoSided(distance / variance.squareRoot())
    return RankTest(
      statistic: statistic, pValue: max(pValue, smallestPValue(nonzero.count)), method: .normal)
  }

  /// The smallest p that `pairs` can have: that of differences with one sign.
  static func smallestPValue(_ count: Int) -> Double {
    var probability = 2.0
    for _ in 0..<count { probability /= 2 }
    return min(1, probability)
  }

  /// The largest rank c of the Walsh averages such that the sum of positive ranks is below c with a probability of at most `tail`; 0 if
  /// there is none.
  static func criticalRank(count: Int, tail: Double) -> Int {
    guard count <= exactCountLimit else {
      let size = Double(count)
      let mean = size * (size + 1) / 4
      let deviation = (mean * (2 * size + 1) / 6).squareRoot()
      return max(0, Int(mean + 0.5 + NormalDistribution.quantile(tail) * deviation))
    }
    var sum = 0.0
    for (rank, share) in distribution(ofRanks: Array(1...max(1, count))).enumerated() {
      sum += share
      if sum > tail { return rank }
    }
    return 0
  }

  /// The probability of each sum of the positive ranks, from 0, where all signs are equally likely.
  ///
  /// - Parameter ranks: At least one; doubled where there are midranks.
  private static func distribution(ofRanks ranks: [Int]) -> [Double] {
    // ways[s]: sets of the ranks seen so far that sum up to s.
    var ways = [Double](repeating: 0, count: ranks.reduce(0, +) + 1)
    ways[0] = 1
    var reach = 0
    for rank in ranks {
      reach += rank
      for sum in stride(from: reach, through: rank, by: -1) { ways[sum] += ways[sum - rank] }
    }
    let total = ways.reduce(0, +)
    return ways.map { $0 / total }
  }
}
