/// A number of bytes as users write it: digits, then perhaps a letter from `k` to `p`, in either case, which stands for a power of 1024.
public enum ByteCountText {
  /// What a command takes beyond that.
  public struct Syntax: OptionSet, Sendable {
    /// One bit for each of the members.
    public let rawValue: Int

    /// The members whose bits are set in `rawValue`.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `i` or `iB` behind the letter, which changes nothing.
    public static let binarySuffixes = Syntax(rawValue: 1 << 0)
    /// `B` behind the letter, which changes nothing, as in `4kB`.
    public static let binaryB = Syntax(rawValue: 1 << 1)
    /// `B` behind the letter, which makes powers of 1000 of it, as in losetup(8).
    public static let decimalB = Syntax(rawValue: 1 << 2)
    /// `B` without a letter, which stands for bytes.
    public static let plainB = Syntax(rawValue: 1 << 3)
    /// `0x`, which begins a hexadecimal number; there, `B` is a digit.
    public static let hexadecimal = Syntax(rawValue: 1 << 4)
  }

  /// The bytes that `text` stands for; nil if that is not a whole number of bytes below 2^63.
  ///
  /// - Parameter plainUnit: Bytes that a number without a suffix counts.
  public static func byteCount(
    _ text: some StringProtocol, _ syntax: Syntax = [], plainUnit: UInt64 = 1
  ) -> UInt64? {
    let isHexadecimal =
      syntax.contains(.hexadecimal) && (text.hasPrefix("0x") || text.hasPrefix("0X"))
    let number = text.dropFirst(isHexadecimal ? 2 : 0)
    let digits = number.prefix { $0.isASCII && (isHexadecimal ? $0.isHexDigit : $0.isNumber) }
    let suffix = number.dropFirst(digits.count).lowercased()
    guard let count = UInt64(digits, radix: isHexadecimal ? 16 : 10),
      let unit = suffix.isEmpty ? plainUnit : unit(of: suffix, syntax)
    else { return nil }
    let (product, overflows) = count.multipliedReportingOverflow(by: unit)
    return overflows || product > UInt64(Int64.max) ? nil : product
  }

  private static func unit(of suffix: String, _ syntax: Syntax) -> UInt64? {
    if suffix == "b" { return syntax.contains(.plainB) ? 1 : nil }
    let letters: [Character] = ["k", "m", "g", "t", "p"]
    guard let place = suffix.first.flatMap({ letters.firstIndex(of: $0) }) else { return nil }
    let binary: UInt64 = 1 << UInt64(10 * (place + 1))
    switch suffix.dropFirst() {
    case "": return binary
    case "i", "ib": return syntax.contains(.binarySuffixes) ? binary : nil
    case "b" where syntax.contains(.binaryB): return binary
    case "b" where syntax.contains(.decimalB):
      return (0...place).reduce(UInt64(1)) { product, _ in product * 1000 }
    default: return nil
    }
  }
}
