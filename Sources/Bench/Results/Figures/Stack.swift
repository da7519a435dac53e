/// The parts of what a boot in the middle of several cost.
///
/// Medians of parts do not add up to the median of the whole. So the parts are those of the boot whose whole is the median, or the mean
/// of the two in the middle: they add up to it.
struct Stack: Equatable, Sendable {
  /// In the order of the parts that were asked for.
  let parts: [Double]
  /// The median of the whole.
  let total: Double
  /// The whole of the boot that has least.
  let minimum: Double
  /// The whole of the boot that has most.
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
