import Foundation

/// The comparison of one metric in one configuration, from samples to verdict.
struct MetricComparison: Encodable, Equatable, Sendable {
  /// The columns and values that tell the configuration from others.
  let configuration: String
  let metric: Metric
  let unit: String
  let direction: Metric.Direction
  /// Boots of A and of B; for pairs, their number on each side.
  let bootsA: Int
  let bootsB: Int
  let isPaired: Bool
  let medianA: Double
  let medianB: Double
  /// Whether the change is a ratio, computed from logarithms, which needs values other than 0.
  let isRatio: Bool
  /// The Hodges-Lehmann estimate of B less A, in ``unit``.
  let shift: Double
  /// Its interval.
  let interval: ConfidenceInterval
  /// ``shift`` relative to A's median; nil where that is 0.
  let relativeShift: Double?
  /// ``interval`` relative to A's median.
  let relativeInterval: ConfidenceInterval?
  /// The rank test's p, and how it was computed.
  let pValue: Double
  let method: RankTest.Method
  /// ``pValue`` corrected for all tests of the comparison.
  private(set) var adjustedPValue: Double
  let floor: NoiseFloor
  /// The floor in ``unit``.
  let floorWidth: Double
  /// The smallest p that this number of boots can give.
  let smallestPValue: Double
  /// Whether a test of this number of boots can be significant without correction.
  let hasEnoughBoots: Bool
  /// Whether it can be significant after the correction, however large the change.
  private(set) var isSignificancePossible: Bool
  private(set) var verdict: Verdict
  /// What the pairs came to one by one; nil where all boots were judged at once.
  private(set) var sequential: SequentialOutcome?
  /// The pairs, in their order; empty for independent boots.
  private let pairs: [SampleSet.Pair]

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case configuration, metric, unit, direction, shift, interval, floor, verdict, method, sequential
    case bootsA = "boots_a"
    case bootsB = "boots_b"
    case isPaired = "paired"
    case medianA = "median_a"
    case medianB = "median_b"
    case isRatio = "ratio_scale"
    case relativeShift = "relative_shift"
    case relativeInterval = "relative_interval"
    case pValue = "p"
    case adjustedPValue = "p_holm"
    case floorWidth = "floor_width"
    case smallestPValue = "smallest_p"
    case hasEnoughBoots = "enough_boots"
    case isSignificancePossible = "significance_possible"
    case isLarge = "large"
  }

  /// The accepted rate of false alarms. Intervals have a confidence of 1 less this.
  static let significance = 0.05

  /// Compares `samples`; nil if a side is empty. The verdict is final after ``judge(adjustedPValue:smallestAdjustedPValue:)``.
  init?(
    configuration: String, metric: Metric, samples: SampleSet, floor: NoiseFloor
  ) {
    guard let medianA = samples.first.median, let medianB = samples.second.median else { return nil }
    // Hosts get slower and faster by factors: on logarithms, a repetition at half speed weighs as much as any other.
    let isRatio = (samples.first + samples.second).allSatisfy { $0 > 0 }
    let scaled = isRatio ? samples.mapValues { log($0) } : samples
    guard let change = scaled.shift, let test = scaled.test,
      let ends = scaled.interval(confidence: 1 - Self.significance)
    else { return nil }
    func inUnit(_ change: Double) -> Double { isRatio ? medianA * expm1(change) : change }
    self.configuration = configuration
    self.metric = metric
    unit = metric.unit
    direction = metric.direction
    bootsA = samples.first.count
    bootsB = samples.second.count
    isPaired = samples.isPaired
    self.medianA = medianA
    self.medianB = medianB
    self.isRatio = isRatio
    shift = inUnit(change)
    interval = ends.mapEnds(inUnit)
    relativeShift = medianA > 0 ? shift / medianA : nil
    relativeInterval = medianA > 0 ? interval.mapEnds { $0 / medianA } : nil
    pValue = test.pValue
    method = test.method
    adjustedPValue = test.pValue
    self.floor = floor
    floorWidth = floor.width(atMedian: medianA)
    smallestPValue = samples.smallestPValue
    hasEnoughBoots = smallestPValue <= Self.significance
    isSignificancePossible = hasEnoughBoots
    isLarge = Self.isLarge(samples)
    verdict = .inconclusive
    pairs = samples.pairs
  }

  private static func isLarge(_ samples: SampleSet) -> Bool {
    guard let leastA = samples.first.min(), let mostA = samples.first.max(),
      let leastB = samples.second.min(),
      let mostB = samples.second.max(), let medianA = samples.first.median,
      let medianB = samples.second.median
    else { return false }
    let isApart = mostA < leastB || mostB < leastA
    return isApart && max(medianA, medianB) >= 2 * min(medianA, medianB)
  }

  /// Whether B's median is at least twice or at most half of A's, and the values of the sides do not overlap.
  let isLarge: Bool

  /// Sets the verdict by the first pairs after which one stands.
  mutating func decide(by design: SequentialDesign) {
    let outcome = design.outcome(pairs, metric: metric)
    sequential = outcome
    verdict = outcome.verdict
  }

  /// Takes the verdict back: no single one is true of all hosts.
  mutating func leaveOpen() { verdict = .inconclusive }

  /// Sets the verdict by the corrected p.
  ///
  /// - Parameter smallestAdjustedPValue: The smallest p after the correction that these boots can give.
  mutating func judge(adjustedPValue: Double, smallestAdjustedPValue: Double) {
    self.adjustedPValue = adjustedPValue
    isSignificancePossible = smallestAdjustedPValue <= Self.significance
    let isWorse = direction == .lessIsBetter ? shift > 0 : shift < 0
    if !hasEnoughBoots {
      verdict = .inconclusive
    } else if adjustedPValue <= Self.significance, abs(shift) > floorWidth {
      verdict = isWorse ? .regressed : .improved
    } else if floor.source != .capped, interval.lower >= -floorWidth, interval.upper <= floorWidth {
      verdict = .unchanged
    } else {
      verdict = .inconclusive
    }
  }
}

/// The verdict on a metric.
enum Verdict: String, Codable, Sendable, CaseIterable {
  /// Worse: significant, and by more than the floor.
  case regressed
  /// Better: significant, and by more than the floor.
  case improved
  /// The whole interval of the change lies within the floor: shown to be the same, not merely not shown to differ.
  case unchanged
  /// Anything else. More boots or a quieter host may give a verdict.
  case inconclusive

  /// The exit code of a command with `verdicts`.
  static func exitCode(of verdicts: some Sequence<Verdict>) -> Int32 {
    let found = Set(verdicts)
    if found.contains(.regressed) { return 2 }
    return found.contains(.inconclusive) ? 6 : 0
  }
}
