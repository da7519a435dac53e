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
