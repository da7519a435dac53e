extension FieldValue.Kind {
  /// Whether `field` is certainly a value of this kind. If not, ``objection(to:)`` knows more.
  func holds(_ field: ArraySlice<UInt8>) -> Bool {
    // Eighteen digits fit into 64 bits.
    guard field.count <= 18 else { return false }
    return switch self {
    case .text: true
    case .flag: field.elementsEqual("true".utf8) || field.elementsEqual("false".utf8)
    case .integer: DecimalText.isInteger(field)
    case .count: field.first != UInt8(ascii: "-") && DecimalText.isInteger(field)
    case .number: DecimalText.isNumber(field) && !field.contains { $0 | 0x20 == UInt8(ascii: "e") }
    }
  }

  /// What `text`, which is not empty, is instead of a value of this kind; nil if it is one.
  func objection(to text: String) -> String? {
    switch self {
    case .text: nil
    case .flag: ["true", "false"].contains(text.lowercased()) ? nil : "neither true nor false"
    case .integer: DecimalText.integer(text) as Int? == nil ? "not a whole number" : nil
    case .count: DecimalText.integer(text) as UInt64? == nil ? "not a whole number of 0 or more" : nil
    case .number: DecimalText.number(text) == nil ? "not a number" : nil
    }
  }
}
