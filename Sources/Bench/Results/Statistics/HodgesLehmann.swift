/// The Hodges-Lehmann estimates of location and shift: as robust as a median against outliers, and nearly as precise
/// as a mean without them (Hodges and Lehmann, "Estimates of location based on rank tests", 1963).
///
/// They belong to the rank tests: after a shift by the estimate, the test finds no difference.
enum HodgesLehmann {
  /// The shift from `first` to `second`: the median of all differences between the two; nil if one is empty.
  static func shift(from first: [Double], to second: [Double]) -> Double? {
    first.isEmpty || second.isEmpty ? nil : PairwiseDifferences(from: first, to: second).median
  }

  /// The centre of `values`, such as the differences of pairs: the median of the means of all pairs of values, each value
  /// with itself included; nil if there is none.
  static func location(of values: [Double]) -> Double? {
    values.isEmpty ? nil : WalshAverages(values).median
  }
}
