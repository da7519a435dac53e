/// A sequential test of whether differences of pairs tend to be larger than 0, which may be evaluated after every pair.
///
/// Each pair has a random order, so that without a change the sign of each difference is a fair coin, whatever its size and whatever the
/// noise. The statistic is the sum of the signed scores of all differences. Its distribution given the scores is counted exactly, and each
/// look spends a part of the significance (Lan and DeMets, "Discrete sequential boundaries for clinical trials", 1983). The chance of a
/// rejection at any look is at most the significance (docs/benchmarking.md, "How --confident decides").
struct SequentialSignTest {
  /// The largest chance of a rejection without a change.
  let significance: Double
  /// Differences of this size or more have the largest score, so that one wild boot counts as much as any other.
  let scale: Double
  /// The number of looks after which half of ``significance`` is spent. The spending does not depend on the number of pairs to come.
  let halfSpentAfter: Double

  /// The first look, in pairs: fewer cannot be significant.
  static let firstLook = 6
  /// The largest score.
  private static let largestScore = 16

  /// The number of pairs after which the test first rejects that `differences` are centred at 0 or below; nil if it does not.
  func firstRejection(_ differences: [Double]) -> Int? {
    let scores = differences.map(score)
    // chances[s + offset]: the chance that the sum is s, and that no look so far rejected.
    let offset = scores.reduce(0) { $0 + abs($1) }
    var chances = [Double](repeating: 0, count: 2 * offset + 1)
    chances[offset] = 1
    var (sum, reach, spent) = (0, 0, 0.0)
    for (index, score) in scores.enumerated() {
      sum += score
      reach += abs(score)
      chances = Self.step(chances, by: abs(score), offset: offset, reach: reach)
      let look = index + 1 - Self.firstLook + 1
      guard look >= 1 else { continue }
      let budget = significance * share(afterLook: look)
      let boundary = Self.spend(&chances, from: &spent, to: budget, offset: offset, reach: reach)
      if sum >= boundary { return index + 1 }
    }
    return nil
  }

  /// The share of the significance that is spent after `look` looks.
  private func share(afterLook look: Int) -> Double { Double(look) / (Double(look) + halfSpentAfter) }

  /// The smallest number of pairs with which the test can reject.
  var fewestPairs: Int {
    var chance = 1.0
    for pairs in 1...1000 {
      chance /= 2
      let look = pairs - Self.firstLook + 1
      if look >= 1, chance <= significance * share(afterLook: look) { return pairs }
    }
    return 1000
  }

  /// The signed score of a difference.
  private func score(_ difference: Double) -> Int {
    guard difference != 0, !difference.isNaN, scale > 0 else { return 0 }
    let size = min(1, abs(difference) / scale) * Double(Self.largestScore)
    let rounded = Int(size.rounded(.toNearestOrEven))
    return difference > 0 ? rounded : -rounded
  }

  /// The chances after a further pair, whose score is `score` or its opposite.
  private static func step(_ chances: [Double], by score: Int, offset: Int, reach: Int) -> [Double] {
    guard score > 0 else { return chances }
    var next = [Double](repeating: 0, count: chances.count)
    let before = reach - score
    for sum in -before...before {
      let half = chances[sum + offset] / 2
      next[sum + score + offset] += half
      next[sum - score + offset] += half
    }
    return next
  }

  /// The smallest sum that rejects at this look. Its chance, and that of all larger sums, is taken from the budget and from `chances`.
  private static func spend(
    _ chances: inout [Double], from spent: inout Double, to budget: Double, offset: Int, reach: Int
  ) -> Int {
    var boundary = reach + 1
    var tail = 0.0
    while boundary > -reach {
      let chance = chances[boundary - 1 + offset]
      guard spent + tail + chance <= budget else { break }
      tail += chance
      boundary -= 1
    }
    for sum in boundary..<max(boundary, reach + 1) { chances[sum + offset] = 0 }
    spent += tail
    return boundary
  }
}
