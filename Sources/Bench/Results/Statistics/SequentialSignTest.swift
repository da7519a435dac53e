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
  func firstRejection(_ differences: some Sequence<Double>) -> Int? {
    var walk = SequentialWalk(self)
    for difference in differences where walk.rejects(after: difference) { return walk.count }
    return nil
  }

  /// The share of the significance that is spent after `look` looks.
  func share(afterLook look: Int) -> Double { Double(look) / (Double(look) + halfSpentAfter) }

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
  func score(_ difference: Double) -> Int {
    guard difference != 0, !difference.isNaN, scale > 0 else { return 0 }
    let size = min(1, abs(difference) / scale) * Double(Self.largestScore)
    let rounded = Int(size.rounded(.toNearestOrEven))
    return difference > 0 ? rounded : -rounded
  }
}
