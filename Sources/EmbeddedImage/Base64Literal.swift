/// Bytes that the package's build wrote into the program as a literal in Base64.
///
/// A string literal compiles at once, where an array literal of as many numbers takes seconds.
public enum Base64Literal {
  /// Decodes Base64 (RFC 4648 §4), padding included, that the build wrote and that is therefore well formed.
  public static func decode(_ text: StaticString) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8CodeUnitCount / 4 * 3)
    var bits: UInt32 = 0
    var bitCount = 0
    for index in 0..<text.utf8CodeUnitCount {
      // SAFETY: a literal lives as long as the program, and has this many code units.
      guard let value = unsafe value(ofDigit: text.utf8Start[index]) else { break }
      bits = bits << 6 | value
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return bytes
  }

  /// The six bits that `digit` stands for; nil for padding.
  private static func value(ofDigit digit: UInt8) -> UInt32? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
