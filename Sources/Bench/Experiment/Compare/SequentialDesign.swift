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
  /// The most pairs that are judged, and the most boots a side: a verdict that takes more needs another metric or a quieter host.
  static let mostPairs = 1000
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

  /// The decision about `pairs`, and the interval of the change, of the pairs that the verdict rests on.
  func outcome(_ pairs: [SampleSet.Pair], metric: Metric) -> SequentialOutcome {
    let (verdict, pairCount) = decision(pairs, metric: metric)
    let scale = SequentialScale(pairs, metric: metric, margin: margin)
    let changes = pairs.prefix(pairCount).map(scale.change)
    let isKnown = scale.isRatio && !changes.isEmpty
    let found = isKnown ? interval(changes, width: scale.margin, verdict: verdict) : nil
    return SequentialOutcome(
      margin: margin, pairCount: pairCount, verdict: verdict,
      change: isKnown ? HodgesLehmann.location(of: changes).map(SequentialScale.relative) : nil,
      interval: found?.mapEnds(SequentialScale.relative))
  }

  /// Decides about `pairs`, which are in the order in which they were measured, up to ``mostPairs``.
  ///
  /// - Returns: The verdict of the first pair after which one stands, which later pairs do not change, and the number of pairs until then.
  func decision(_ pairs: [SampleSet.Pair], metric: Metric) -> (verdict: Verdict, pairCount: Int) {
    let scale = SequentialScale(pairs, metric: metric, margin: margin)
    let width = scale.margin
    var (rise, fall) = (SequentialWalk(changeTest(scale: width)), SequentialWalk(changeTest(scale: width)))
    var (below, above) = (SequentialWalk(marginTest(scale: width)), SequentialWalk(marginTest(scale: width)))
    var changes: [Double] = []
    for pair in pairs.prefix(Self.mostPairs) {
      let change = scale.change(pair)
      changes.append(change)
      let (hasRisen, hasFallen) = (rise.rejects(after: change), fall.rejects(after: -change))
      let (isBelow, isAbove) = (below.rejects(after: width - change), above.rejects(after: width + change))
      if isBelow, isAbove { return (.unchanged, changes.count) }
      let (mayRise, mayFall) = (hasRisen && !isBelow, hasFallen && !isAbove)
      guard mayRise || mayFall, let estimate = HodgesLehmann.location(of: changes) else { continue }
      let isRise = mayRise && estimate >= Self.smallestShare * width
      let isFall = mayFall && estimate <= -Self.smallestShare * width
      guard isRise || isFall else { continue }
      let isWorse = metric.direction == .lessIsBetter ? isRise : isFall
      return (isWorse ? .regressed : .improved, changes.count)
    }
    return (.inconclusive, changes.count)
  }

  /// The bisections that find an end of an interval to a millionth of its range.
  private static let bisectionCount = 20

  /// What the tests of `verdict` have not rejected at any look: for ``Verdict/unchanged`` those of the margin, whose interval lies within it,
  /// for others those of no change, whose interval leaves out 0 where one was found. Nil if the pairs are too few to reject any.
  private func interval(_ changes: [Double], width: Double, verdict: Verdict) -> ConfidenceInterval? {
    let isEqual = verdict == .unchanged
    let test = isEqual ? marginTest(scale: width) : changeTest(scale: width)
    guard changes.count >= test.fewestPairs, let least = changes.min(), let most = changes.max(),
      let centre = HodgesLehmann.location(of: changes)
    else { return nil }
    let hasChange = verdict == .regressed || verdict == .improved
    // The verdict's own tests rejected these: the search begins there, so that verdict and interval cannot contradict each other.
    let lowest = isEqual ? -width : hasChange && centre > 0 ? 0 : least - 2 * width
    let highest = isEqual ? width : hasChange && centre < 0 ? 0 : most + 2 * width
    let middle = min(max(centre, lowest), highest)
    let lower = Self.end(lowest, middle) { value in
      test.firstRejection(changes.lazy.map { $0 - value }) != nil
    }
    let upper = Self.end(highest, middle) { value in
      test.firstRejection(changes.lazy.map { value - $0 }) != nil
    }
    return ConfidenceInterval(
      lower: lower, upper: upper,
      confidence: isEqual ? 1 - 2 * Self.missRate : 1 - Self.falseAlarmRate / Double(max(1, testCount)))
  }

  /// The end of an interval between `far`, which is rejected, and `centre`, which is not.
  private static func end(_ far: Double, _ centre: Double, isRejected: (Double) -> Bool) -> Double {
    var (outside, inside) = (far, centre)
    for _ in 0..<bisectionCount {
      let middle = (outside + inside) / 2
      if isRejected(middle) { outside = middle } else { inside = middle }
    }
    return outside
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
  /// The estimated relative change of these pairs; nil for a metric about 0.
  let change: Double?
  /// The relative changes that these pairs do not exclude, which holds at every number of pairs, with its confidence: 95 % for
  /// ``Verdict/unchanged``, 99 % and more by the number of tests for others. Nil where pairs are too few, and for a metric about 0.
  let interval: ConfidenceInterval?

  /// Whether no further pair is needed.
  var isSettled: Bool { verdict != .inconclusive }

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case margin, verdict, change, interval
    case pairCount = "pairs"
  }
}
