/// A ``SequentialSignTest`` pair by pair: the sum of the signed scores so far, and the distribution that it has where signs are fair coins.
///
/// A pair costs as much as there are sums of a chance that matters, whose number grows with the square root of the number of pairs.
struct SequentialWalk {
  private let test: SequentialSignTest
  /// The pairs so far.
  private(set) var count = 0
  /// Whether the test has rejected.
  private(set) var hasRejected = false
  /// The chance that the sum is ``lowest``, one more, and so on, and that the test rejected after none of the pairs.
  private var chances = [1.0]
  private var lowest = 0
  private var sum = 0
  private var spent = 0.0
  private var left = 0.0

  /// The share of the significance that is given up, in all, with sums too small to matter.
  private static let leftShare = 1e-6

  /// Starts without pairs.
  init(_ test: SequentialSignTest) { self.test = test }

  /// Takes a further difference. Returns true if the test after this pair or an earlier one rejects; nothing changes after that.
  mutating func rejects(after difference: Double) -> Bool {
    if hasRejected { return true }
    count += 1
    let score = test.score(difference)
    sum += score
    step(by: abs(score))
    let look = count - SequentialSignTest.firstLook + 1
    guard look >= 1 else { return false }
    spend(to: test.significance * test.share(afterLook: look))
    hasRejected = sum >= lowest + chances.count
    return hasRejected
  }

  /// Adds a pair whose score is `score` or its opposite.
  private mutating func step(by score: Int) {
    guard score > 0 else { return }
    var next = [Double](repeating: 0, count: chances.count + 2 * score)
    for (index, chance) in chances.enumerated() {
      next[index] += chance / 2
      next[index + 2 * score] += chance / 2
    }
    chances = next
    lowest -= score
  }

  /// Takes the largest sums out of the distribution, as many as the budget allows: they reject.
  private mutating func spend(to budget: Double) {
    while let chance = chances.last, spent + chance <= budget {
      spent += chance
      chances.removeLast()
    }
    // What is left out below could have come to a later look: it counts as spent.
    var small = 0
    while small < chances.count, left + chances[small] <= test.significance * Self.leftShare {
      left += chances[small]
      spent += chances[small]
      small += 1
    }
    chances.removeFirst(small)
    lowest += small
  }
}
