/// The Mann-Whitney U test: whether values of one sample tend to be larger than those of another (Mann and Whitney, 1947).
enum MannWhitney {
  /// The test is exact up to this number of pairs of values, 30 boots a side; the normal approximation is good for fewer already.
  private static let exactPairLimit = 900

  /// Tests `first` against `second`; nil if one is empty. The statistic is U of `first`.
  ///
  /// The exact p is that of the permutation test: over all ways to divide the values, ties included, into samples of these sizes. It is
  /// twice the smaller of both tails, as in `scipy.stats.permutation_test`.
  static func test(_ first: [Double], _ second: [Double]) -> RankTest? {
    guard !first.isEmpty, !second.isEmpty else { return nil }
    let ranks = MidRanks(first + second)
    let count = Double(first.count)
    let pairs = count * Double(second.count)
    let rankSum = ranks.ranks[..<first.count].reduce(0, +)
    let statistic = rankSum - count * (count + 1) / 2
    if first.count * second.count <= exactPairLimit {
      let ordered = ranks.wholeRanks.sorted()
      let shares = distribution(ofRanks: ordered, first.count, second.count)
      let place = Int(ranks.wholeScale * rankSum) - ordered[..<first.count].reduce(0, +)
      let tail = min(shares[...place].reduce(0, +), shares[place...].reduce(0, +))
      return RankTest(statistic: statistic, pValue: min(1, 2 * tail), method: .exact)
    }
    let total = count + Double(second.count)
    let spread = total + 1 - ranks.tieTerm / (total * (total - 1))
    let deviation = (pairs / 12 * spread).squareRoot()
    let distance = max(0, abs(statistic - pairs / 2) - 0.5)
    let pValue = deviation > 0 ? NormalDistribution.twoSided(distance / deviation) : 1
    return RankTest(
      statistic: statistic, pValue: max(pValue, smallestPValue(first.count, second.count)), method: .normal)
  }

  /// The smallest p that samples of these sizes can give: that of two samples that do not overlap.
  static func smallestPValue(_ first: Int, _ second: Int) -> Double {
    var arrangements = 1.0
    for step in 1...max(1, first) { arrangements *= Double(second + step) / Double(step) }
    return min(1, 2 / arrangements)
  }

  /// The largest rank c of the pairwise differences such that U is below c with a probability of at most `tail`; 0 if there is none.
  static func criticalRank(_ first: Int, _ second: Int, tail: Double) -> Int {
    let pairs = Double(first) * Double(second)
    guard pairs <= Double(exactPairLimit) else {
      let deviation = (pairs / 12 * Double(first + second + 1)).squareRoot()
      return max(0, Int(pairs / 2 + 0.5 + NormalDistribution.quantile(tail) * deviation))
    }
    var sum = 0.0
    let ranks = Array(1...first + second)
    for (rank, share) in distribution(ofRanks: ranks, first, second).enumerated() {
      sum += share
      if sum > tail { return rank }
    }
    return 0
  }

  /// The probability of each sum of the ranks of the first sample, less the smallest possible one, where all ways to choose `first` of the
  /// ranks are equally likely. Of ranks without ties, that is U.
  ///
  /// - Parameter ranks: Of both samples together, ascending; doubled where there are midranks.
  private static func distribution(ofRanks ranks: [Int], _ first: Int, _ second: Int) -> [Double] {
    // ways[j][u]: ways to choose i of the lowest i + j ranks, whose sum exceeds that of the lowest i ranks by u. The largest of them is
    // either chosen, in place of the rank at i - 1, or not.
    var ways = [[Double]](repeating: [1], count: second + 1)
    for size in 1...first {
      var next: [[Double]] = [[1]]
      for other in 1...second {
        let excess = ranks[size + other - 1] - ranks[size - 1]
        var counts = [Double](repeating: 0, count: max(ways[other].count + excess, next[other - 1].count))
        for (value, count) in ways[other].enumerated() { counts[value + excess] += count }
        for (value, count) in next[other - 1].enumerated() { counts[value] += count }
        next.append(counts)
      }
      ways = next
    }
    let total = ways[second].reduce(0, +)
    return ways[second].map { $0 / total }
  }
}
