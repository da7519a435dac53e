/// Decimal numbers as files of rows hold them: digits, with a minus, a point and an exponent where they belong.
///
/// Swift's own readers take `0x10`, `inf`, `nan` and `+1` as well, which bench never writes.
enum DecimalText {
  /// The whole number that `text` writes; nil for any other text, and for one that is too large for the type.
  static func integer<Number: FixedWidthInteger>(_ text: some StringProtocol) -> Number? {
    isInteger(text.utf8) ? Number(text) : nil
  }

  /// The number that `text` writes; nil for any other text, and for a number that no Double can hold.
  static func number(_ text: some StringProtocol) -> Double? {
    guard isNumber(text.utf8), let number = Double(text), number.isFinite else { return nil }
    return number
  }

  /// Whether `text` and `other` are numbers that differ by no more than the last of three digits behind the point, which columns have at
  /// least, or by the share `relative` of `other`.
  static func agree(_ text: String, _ other: String, relative: Double = 0) -> Bool {
    guard let number = number(text), let reference = Self.number(other) else { return false }
    let difference = abs(number - reference)
    return difference <= 0.0006 || difference <= relative * abs(reference)
  }

  /// Whether `text` is a whole number, which may be too large for any type.
  static func isInteger(_ text: some Sequence<UInt8>) -> Bool {
    var scanner = Scanner(text.makeIterator())
    _ = scanner.skip(UInt8(ascii: "-"))
    return scanner.skipDigits() && scanner.isAtEnd
  }

  /// Whether `text` is a number, which may be too large for any type.
  static func isNumber(_ text: some Sequence<UInt8>) -> Bool {
    var scanner = Scanner(text.makeIterator())
    _ = scanner.skip(UInt8(ascii: "-"))
    guard scanner.skipDigits() else { return false }
    if scanner.skip(UInt8(ascii: ".")), !scanner.skipDigits() { return false }
    if scanner.skip(UInt8(ascii: "e")) || scanner.skip(UInt8(ascii: "E")) {
      if !scanner.skip(UInt8(ascii: "-")) { _ = scanner.skip(UInt8(ascii: "+")) }
      guard scanner.skipDigits() else { return false }
    }
    return scanner.isAtEnd
  }

  /// Bytes, of which the next one is known.
  private struct Scanner<Bytes: IteratorProtocol<UInt8>> {
    private var bytes: Bytes
    private var next: UInt8?

    init(_ bytes: Bytes) {
      self.bytes = bytes
      next = self.bytes.next()
    }

    var isAtEnd: Bool { next == nil }

    /// Passes over `byte` if it comes next.
    mutating func skip(_ byte: UInt8) -> Bool {
      guard next == byte else { return false }
      next = bytes.next()
      return true
    }

    /// Passes over digits, and answers whether there was one.
    mutating func skipDigits() -> Bool {
      var isFound = false
      while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
        next = bytes.next()
        isFound = true
      }
      return isFound
    }
  }
}
