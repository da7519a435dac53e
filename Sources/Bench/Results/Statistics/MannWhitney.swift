/// The Mann-Whitney U test: whether values of one sample tend to be larger than those of another (Mann and Whitney, 1947).
enum MannWhitney {
  /// The test is exact up to this number of pairs of values; the normal approximation is good for fewer already.
  private static let exactPairLimit = 900

  /// Tests `first` against `second`; nil if one is empty. The statistic is U of `first`.
  static func test(_ first: [Double], _ second: [Double]) -> RankTest? {
    guard !first.isEmpty, !second.isEmpty else { return nil }
    let ranks = MidRanks(first + second)
    let count = Double(first.count)
    let pairs = count * Double(second.count)
    let statistic = ranks.ranks[..<first.count].reduce(0, +) - count * (count + 1) / 2
    let larger = max(statistic, pairs - statistic)
    if !ranks.hasTies, first.count * second.count <= exactPairLimit {
      let probability = distribution(first.count, second.count)[Int(larger)...].reduce(0, +)
      return RankTest(statistic: statistic, pValue: min(1, 2 * probability), method: .exact)
    }
    let total = count + Double(second.count)
    let spread = total > 1 ? total + 1 - ranks.tieTerm / (total * (total - 1)) : 0
    let deviation = (pairs / 12 * spread).squareRoot()
    let distance = max(0, larger - pairs / 2 - 0.5)
    let pValue = deviation > 0 ? NormalDistribution.twoSided(distance / deviation) : 1
    return RankTest(statistic: statistic, pValue: pValue, method: .normal)
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
    for (rank, share) in distribution(first, second).enumerated() {
      sum += share
      if sum > tail { return rank }
    }
    return 0
  }

  /// The probability of each U, from 0, of two samples without ties that do not differ.
  private static func distribution(_ first: Int, _ second: Int) -> [Double] {
    // ways[j][u]: arrangements of i values of the first sample and j of the second with U = u. The largest value of all
    // either belongs to the first sample and exceeds all j of the second, or it belongs to the second.
    var ways = [[Double]](repeating: [1], count: second + 1)
    for size in 1...first {
      var next: [[Double]] = [[1]]
      for other in 1...second {
        var counts = [Double](repeating: 0, count: size * other + 1)
        for (value, count) in ways[other].enumerated() { counts[value + other] += count }
        for (value, count) in next[other - 1].enumerated() { counts[value] += count }
        next.append(counts)
      }
      ways = next
    }
    let total = ways[second].reduce(0, +)
    return ways[second].map { $0 / total }
  }
}
