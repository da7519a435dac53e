import Foundation

/// Numbers as people read them.
enum NumberText {
  /// `value` with four digits that count, and groups of three before the point.
  static func text(_ value: Double) -> String {
    let size = abs(value)
    if size > 0, size < 0.0001 { return String(format: "%.2e", value) }
    let digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4
    return decimal(value, digits: digits)
  }

  /// A round number as an axis has it: `0.5`, `20`, `10k`.
  static func short(_ value: Double) -> String {
    value >= 1_000_000
      ? String(format: "%gM", value / 1_000_000)
      : value >= 10_000 ? String(format: "%gk", value / 1000) : String(format: "%g", value)
  }

  /// `share` in percent, signed: `+1.25 %`.
  static func percent(_ share: Double) -> String { String(format: "%+.2f %%", share * 100) }

  /// A probability: `0.031`, `<0.0001`.
  static func probability(_ value: Double) -> String {
    value < 0.0001 ? "<0.0001" : String(format: "%.4f", value)
  }

  /// `value` with groups of three digits, which are what tells 100 thousand from a million at a glance.
  static func decimal(_ value: Double, digits: Int) -> String {
    let text = String(format: "%.\(digits)f", value)
    let whole = text.prefix { $0 != "." }
    var grouped = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index).isMultiple(of: 3), whole.dropFirst(index - 1).first != "-" {
        grouped += ","
      }
      grouped.append(digit)
    }
    return grouped + text.dropFirst(whole.count)
  }
}
