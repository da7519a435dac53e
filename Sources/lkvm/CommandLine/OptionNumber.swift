/// Whole numbers as C's strtol reads them, which kvmtool uses: decimal, hexadecimal with 0x, octal with 0.
enum OptionNumber {
  /// Parses all of `text`; nil if it is not a number of 64 bits.
  static func parse(_ text: String) -> Int? {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
    guard let magnitude = magnitude(digits) else { return nil }
    guard let value = Int(exactly: magnitude) else { return nil }
    return isNegative ? -value : value
  }

  private static func magnitude(_ digits: Substring) -> UInt64? {
    // The initializer takes a sign of its own.
    guard let first = digits.first, first.isASCII, first.isHexDigit else { return nil }
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      let rest = digits.dropFirst(2)
      return rest.first?.isHexDigit == true ? UInt64(rest, radix: 16) : nil
    }
    return UInt64(digits, radix: first == "0" ? 8 : 10)
  }
}
