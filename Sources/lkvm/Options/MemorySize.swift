/// `--mem SIZE[BKMGTP]`: a plain number is MiB, as in kvmtool; 0x begins a hexadecimal one.
struct MemorySize: Equatable {
  /// Bytes.
  let byteCount: UInt64

  /// A size of `byteCount` bytes.
  init(byteCount: UInt64) { self.byteCount = byteCount }

  /// Reads `argument`, or answers nil where it is no number of bytes below 2^63.
  init?(argument: String) {
    let isHexadecimal = argument.hasPrefix("0x") || argument.hasPrefix("0X")
    let number = argument.dropFirst(isHexadecimal ? 2 : 0)
    // In a hexadecimal number, b is a digit.
    let digits = number.prefix { $0.isASCII && (isHexadecimal ? $0.isHexDigit : $0.isNumber) }
    guard let count = UInt64(digits, radix: isHexadecimal ? 16 : 10),
      let shift = Self.shift(ofSuffix: number.dropFirst(digits.count))
    else {
      return nil
    }
    let (product, overflows) = count.multipliedReportingOverflow(by: 1 << shift)
    guard !overflows, product <= UInt64(Int64.max) else { return nil }
    byteCount = product
  }

  private static func shift(ofSuffix suffix: Substring) -> UInt64? {
    switch suffix {
    case "B", "b": 0
    case "K", "k": 10
    case "", "M", "m": 20
    case "G", "g": 30
    case "T", "t": 40
    case "P", "p": 50
    default: nil
    }
  }
}
