/// The number of boots that a verdict needs.
enum VerdictRequirements {
  /// The search ends here.
  private static let mostBoots = 1000

  /// The smallest number of pairs with which the strongest of `tests` tests can be significant after Holm's correction.
  static func pairs(tests: Int) -> Int {
    least { WilcoxonSignedRank.smallestPValue($0) * Double(tests) }
  }

  /// The same in boots on each side, where boots are not paired.
  static func bootsPerSide(tests: Int) -> Int {
    least { MannWhitney.smallestPValue($0, $0) * Double(tests) }
  }

  private static func least(_ adjusted: (Int) -> Double) -> Int {
    (1...mostBoots).first { adjusted($0) <= MetricComparison.significance } ?? mostBoots
  }

  /// The warning that `tests` tests of `pairs` pairs cannot give a verdict; nil if they can.
  static func warning(tests: Int, pairs: Int) -> String? {
    let needed = Self.pairs(tests: tests)
    guard tests > 0, pairs < needed else { return nil }
    return
      "\(pairs) pairs cannot come to a verdict in \(tests) test(s): \(needed) pairs are needed (--repeat), "
      + "or fewer metrics (--metric) or cells"
  }
}

/// Holm's correction for several tests at once: the chance that any of them raises a false alarm stays that of one
/// (Holm, "A simple sequentially rejective multiple test procedure", 1979).
enum Holm {
  /// The adjusted p of each of `pValues`, in their order. Each is compared with the significance level as a single test's.
  static func adjusted(_ pValues: [Double]) -> [Double] {
    var adjusted = [Double](repeating: 1, count: pValues.count)
    var largest = 0.0
    for (place, index) in pValues.indices.sorted(by: { pValues[$0] < pValues[$1] }).enumerated() {
      largest = max(largest, min(1, pValues[index] * Double(pValues.count - place)))
      adjusted[index] = largest
    }
    return adjusted
  }
}
