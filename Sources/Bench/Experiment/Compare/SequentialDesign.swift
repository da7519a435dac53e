import Foundation

/// How `bench compare --confident` decides after each pair of boots whether it knows enough.
struct SequentialDesign: Equatable, Sendable {
  /// The change that is looked for, as a share: 0.05.
  let margin: Double
  /// Configurations times metrics of the comparison.
  let testCount: Int

  /// The largest chance that any test of a comparison calls a change where there is none.
  static let falseAlarmRate = 0.01
  /// The largest chance that a test calls a change of the margin unchanged.
  static let missRate = 0.025
  /// A change is only called one if its estimate is at least this share of the margin.
  private static let smallestShare = 0.5
  /// Boots a side, if neither verdict stands before.
  static let defaultMostBoots = 60
  /// The margins that make sense.
  static let margins = 0.001...1.0

  /// The tests of no change, one for each direction.
  private func changeTest(scale: Double) -> SequentialSignTest {
    SequentialSignTest(
      significance: Self.falseAlarmRate / 2 / Double(max(1, testCount)), scale: scale, halfSpentAfter: 1)
  }

  /// The tests of a change of the margin, one for each direction.
  private func marginTest(scale: Double) -> SequentialSignTest {
    SequentialSignTest(significance: Self.missRate, scale: scale, halfSpentAfter: 3)
  }

  /// The smallest number of pairs after which a change can be called one.
  var fewestPairs: Int { changeTest(scale: 1).fewestPairs }

  /// The warning that `pairs` cannot show a change; nil if they can.
  func warning(pairs: Int) -> String? {
    guard pairs < fewestPairs else { return nil }
    return
      "\(pairs) pairs cannot show a change in \(testCount) test(s): \(fewestPairs) pairs are needed (--max-boots), or fewer "
      + "metrics (--metric) or cells"
  }

  /// The decision about `pairs`, and the interval of the change.
  func outcome(_ pairs: [SampleSet.Pair], metric: Metric) -> SequentialOutcome {
    let (verdict, pairCount) = decision(pairs, metric: metric)
    let scale = SequentialScale(pairs, metric: metric, margin: margin)
    let interval =
      scale.isRatio ? interval(pairs.map(scale.change), width: scale.margin) : nil
    return SequentialOutcome(
      margin: margin, pairCount: pairCount, verdict: verdict,
      interval: interval?.mapEnds(SequentialScale.relative))
  }

  /// Decides about `pairs`, which are in the order in which they were measured.
  ///
  /// - Returns: The verdict of the first pair after which one stands, which later pairs do not change, and the number of pairs until then.
  func decision(_ pairs: [SampleSet.Pair], metric: Metric) -> (verdict: Verdict, pairCount: Int) {
    let scale = SequentialScale(pairs, metric: metric, margin: margin)
    let changes = pairs.map(scale.change)
    let width = scale.margin
    let risen = changeTest(scale: width).firstRejection(changes)
    let fallen = changeTest(scale: width).firstRejection(changes.map { -$0 })
    let belowMargin = marginTest(scale: width).firstRejection(changes.map { width - $0 })
    let aboveMargin = marginTest(scale: width).firstRejection(changes.map { $0 + width })
    func isBy(_ look: Int?, _ count: Int) -> Bool { look.map { $0 <= count } ?? false }
    for count in stride(from: SequentialSignTest.firstLook, through: changes.count, by: 1) {
      let (isBelow, isAbove) = (isBy(belowMargin, count), isBy(aboveMargin, count))
      if isBelow, isAbove { return (.unchanged, count) }
      let (mayRise, mayFall) = (isBy(risen, count) && !isBelow, isBy(fallen, count) && !isAbove)
      guard mayRise || mayFall, let estimate = HodgesLehmann.location(of: Array(changes.prefix(count)))
      else { continue }
      let isRise = mayRise && estimate >= Self.smallestShare * width
      let isFall = mayFall && estimate <= -Self.smallestShare * width
      guard isRise || isFall else { continue }
      let isWorse = metric.direction == .lessIsBetter ? isRise : isFall
      return (isWorse ? .regressed : .improved, count)
    }
    return (.inconclusive, changes.count)
  }

  /// The bisections that find an end of an interval to a millionth of its range.
  private static let bisectionCount = 20

  /// All changes that ``changeTest(scale:)`` does not reject at any look; nil if the pairs are too few to reject any.
  private func interval(_ changes: [Double], width: Double) -> ConfidenceInterval? {
    let test = changeTest(scale: width)
    guard changes.count >= test.fewestPairs, let least = changes.min(), let most = changes.max(),
      let centre = HodgesLehmann.location(of: changes)
    else { return nil }
    func end(_ far: Double, isRejected: (Double) -> Bool) -> Double {
      var (outside, inside) = (far, centre)
      for _ in 0..<Self.bisectionCount {
        let middle = (outside + inside) / 2
        if isRejected(middle) { outside = middle } else { inside = middle }
      }
      return outside
    }
    let lower = end(least - 2 * width) { value in test.firstRejection(changes.map { $0 - value }) != nil }
    let upper = end(most + 2 * width) { value in test.firstRejection(changes.map { value - $0 }) != nil }
    return ConfidenceInterval(
      lower: lower, upper: upper, confidence: 1 - Self.falseAlarmRate / Double(max(1, testCount)))
  }
}

/// What a sequential comparison of one metric came to.
struct SequentialOutcome: Codable, Equatable, Sendable {
  /// The change that was looked for, as a share.
  let margin: Double
  /// The pairs after which the verdict stood; all pairs where none stands.
  let pairCount: Int
  /// ``Verdict/inconclusive`` where more pairs are needed.
  let verdict: Verdict
  /// The relative changes that the pairs do not exclude, which holds at every number of pairs; nil where pairs are too few, and for a metric
  /// about 0.
  let interval: ConfidenceInterval?

  /// Whether no further pair is needed.
  var isSettled: Bool { verdict != .inconclusive }

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case margin, verdict, interval
    case pairCount = "pairs"
  }
}
