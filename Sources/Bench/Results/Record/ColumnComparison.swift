/// How boots are compared by a column.
struct ColumnComparison: Sendable {
  /// How the values of a boot's guests become one.
  enum Combination: Sendable {
    /// Rates add up.
    case sum
    /// Each guest weighs as much as it answered requests.
    case meanPerRequest
    /// The guest that fared worst counts: percentiles of all cannot be computed from those of each.
    case worstGuest
    /// All requests by all CPU time, both of the same window.
    case perCPUSecond
  }

  let direction: Metric.Direction
  let combination: Combination
  /// The smallest change that matters at all, in the column's unit: below it, a ratio of two tiny values says nothing.
  let absoluteFloor: Double
  /// The relative floor where the host's noise was not calibrated: what is common on an idle machine.
  let relativeFloor: Double
  /// Whether it is judged unless `--metric` names others.
  let isJudgedByDefault: Bool

  private init(
    _ direction: Metric.Direction, _ combination: Combination, absoluteFloor: Double, relativeFloor: Double,
    isJudgedByDefault: Bool
  ) {
    self.direction = direction
    self.combination = combination
    self.absoluteFloor = absoluteFloor
    self.relativeFloor = relativeFloor
    self.isJudgedByDefault = isJudgedByDefault
  }

  /// Criteria for a rate: more is better.
  static func rate(_ combination: Combination) -> ColumnComparison {
    ColumnComparison(
      .moreIsBetter, combination, absoluteFloor: 1, relativeFloor: 0.03, isJudgedByDefault: true)
  }

  /// Criteria for a latency: less is better. The absolute floor is some cycles of any CPU; the guest's clock and buckets resolve no better below a microsecond.
  static func latency(
    _ combination: Combination, relativeFloor: Double, isJudgedByDefault: Bool = false
  ) -> ColumnComparison {
    ColumnComparison(
      .lessIsBetter, combination, absoluteFloor: 0.005, relativeFloor: relativeFloor,
      isJudgedByDefault: isJudgedByDefault)
  }

  /// Criteria for exits per request. One exit in a thousand requests counts as zero, which is the first goal of the design.
  static func exits(isJudgedByDefault: Bool = false) -> ColumnComparison {
    ColumnComparison(
      .lessIsBetter, .meanPerRequest, absoluteFloor: 0.001, relativeFloor: 0.03,
      isJudgedByDefault: isJudgedByDefault)
  }
}
