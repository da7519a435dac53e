/// Bytes that the package's build wrote into the program as a literal in Base64.
///
/// A string literal compiles at once, where an array literal of as many numbers takes seconds.
public enum Base64Literal {
  /// Decodes Base64 (RFC 4648 §4), padding included, that the build wrote and that is therefore well formed.
  public static func decode(_ text: StaticString) -> [UInt8] {
    // At every start of a guest: a table is five times as fast as the comparisons.
    var values = InlineArray<256, UInt8>(repeating: padding)
    for digit in UInt8.min...UInt8.max { values[Int(digit)] = value(ofDigit: digit) }
    let digitCount = text.utf8CodeUnitCount
    return unsafe [UInt8](unsafeUninitializedCapacity: digitCount / 4 * 3 + 3) { bytes, count in
      var bits: UInt32 = 0
      var bitCount: UInt32 = 0
      for index in 0..<digitCount {
        // SAFETY: a literal lives as long as the program, and has this many code units: three bytes for each four.
        let value = unsafe values[Int(text.utf8Start[index])]
        guard value != padding else { break }
        bits = bits << 6 | UInt32(value)
        bitCount &+= 6
        if bitCount >= 8 {
          bitCount &-= 8
          unsafe bytes[count] = UInt8(truncatingIfNeeded: bits >> bitCount)
          count &+= 1
        }
      }
    }
  }

  /// What stands for padding among the values of digits.
  private static let padding: UInt8 = 0xFF

  /// The six bits that `digit` stands for.
  private static func value(ofDigit digit: UInt8) -> UInt8 {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: padding
    }
  }
}
