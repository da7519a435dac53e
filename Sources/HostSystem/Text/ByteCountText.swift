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
  @inlinable
  public static func byteCount(
    _ text: some StringProtocol, _ syntax: Syntax = [], plainUnit: UInt64 = 1
  ) -> UInt64? {
    byteCount(of: Array(text.utf8), syntax, plainUnit: plainUnit)
  }

  /// Not generic, because every start of a guest reads a size.
  @usableFromInline
  static func byteCount(of text: [UInt8], _ syntax: Syntax, plainUnit: UInt64) -> UInt64? {
    var rest = text[...]
    let isHexadecimal =
      syntax.contains(.hexadecimal) && text.count >= 2 && text[0] == UInt8(ascii: "0")
      && lowercased(text[1]) == UInt8(ascii: "x")
    if isHexadecimal { rest = rest.dropFirst(2) }
    let digitsStart = rest.startIndex
    var count: UInt64 = 0
    while let byte = rest.first, let digit = digit(byte, isHexadecimal: isHexadecimal) {
      let (product, overflows) = count.multipliedReportingOverflow(by: isHexadecimal ? 16 : 10)
      let (sum, carries) = product.addingReportingOverflow(digit)
      if overflows || carries { return nil }
      count = sum
      rest = rest.dropFirst()
    }
    guard rest.startIndex > digitsStart,
      let unit = rest.isEmpty ? plainUnit : unit(of: rest.map(lowercased), syntax)
    else { return nil }
    let (product, overflows) = count.multipliedReportingOverflow(by: unit)
    return overflows || product > UInt64(Int64.max) ? nil : product
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  private static func digit(_ byte: UInt8, isHexadecimal: Bool) -> UInt64? {
    switch lowercased(byte) {
    case let digit where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit):
      UInt64(digit - UInt8(ascii: "0"))
    case let letter where isHexadecimal && (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(letter):
      UInt64(letter - UInt8(ascii: "a")) + 10
    default: nil
    }
  }

  private static func unit(of suffix: [UInt8], _ syntax: Syntax) -> UInt64? {
    let text = String(decoding: suffix, as: UTF8.self)
    if text == "b" { return syntax.contains(.plainB) ? 1 : nil }
    guard let letter = suffix.first, let place = Array("kmgtp".utf8).firstIndex(of: letter) else {
      return nil
    }
    let binary: UInt64 = 1 << UInt64(10 * (place + 1))
    switch text.dropFirst() {
    case "": return binary
    case "i", "ib": return syntax.contains(.binarySuffixes) ? binary : nil
    case "b" where syntax.contains(.binaryB): return binary
    case "b" where syntax.contains(.decimalB):
      return (0...place).reduce(UInt64(1)) { product, _ in product * 1000 }
    default: return nil
    }
  }
}
