import Foundation

/// Numbers as people read them.
enum Figure {
  /// `value` with four digits that count, and groups of three before the point.
  static func text(_ value: Double) -> String {
    let size = abs(value)
    if size > 0, size < 0.0001 { return String(format: "%.2e", value) }
    let digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4
    return RunTable.decimal(value, digits: digits)
  }

  /// `share` in percent, signed: `+1.25 %`.
  static func percent(_ share: Double) -> String { String(format: "%+.2f %%", share * 100) }

  /// A probability: `0.031`, `<0.0001`.
  static func probability(_ value: Double) -> String {
    value < 0.0001 ? "<0.0001" : String(format: "%.4f", value)
  }
}
