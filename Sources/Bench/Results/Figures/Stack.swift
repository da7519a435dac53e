/// Splits the median boot's total into parts.
///
/// The parts are those of the boot whose total is the median, or the mean of the two boots in the middle, because medians of the parts
/// would not add up to the median of the total.
struct Stack: Equatable, Sendable {
  /// One value for each part, in the order of the initializer's `parts`.
  let parts: [Double]
  /// The median of the boots' totals.
  let total: Double
  /// The smallest total.
  let minimum: Double
  /// The largest total.
  let maximum: Double
  let bootCount: Int

  /// The stack of `boots`, of which there is at least one.
  init(of boots: [FigureBoot], parts: [(FigureBoot) -> Double]) {
    self.init(boots.map { boot in parts.map { $0(boot) } })
  }

  /// The stack of boots, each given by its parts.
  init(_ boots: [[Double]]) {
    precondition(!boots.isEmpty, "a stack of nothing")
    let ordered = boots.map { (parts: $0, total: $0.reduce(0, +)) }.sorted { $0.total < $1.total }
    let middle =
      ordered.count.isMultiple(of: 2)
      ? [ordered[ordered.count / 2 - 1], ordered[ordered.count / 2]] : [ordered[ordered.count / 2]]
    parts = middle[0].parts.indices.map { part in
      middle.reduce(0) { $0 + $1.parts[part] } / Double(middle.count)
    }
    total = parts.reduce(0, +)
    minimum = ordered[0].total
    maximum = ordered[ordered.count - 1].total
    bootCount = boots.count
  }
}
