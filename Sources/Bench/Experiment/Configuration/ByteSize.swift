/// A number of bytes, written as fio writes sizes: `4096`, `4k`, `1m`, `1g`, `1t`, in either case.
///
/// All suffixes are powers of 1024, with `b`, `i` or `ib` after the letter or without: `4k`, `4kb`, `4ki` and `4kib`
/// are the same. (fio takes `kib` for 1000 by default, against IEC 80000-13; here nobody has to know that.)
struct ByteSize: Hashable, Comparable, Codable, Sendable {
  /// The number of bytes.
  let byteCount: UInt64

  /// A size of `byteCount` bytes.
  init(byteCount: UInt64) {
    self.byteCount = byteCount
  }

  /// Reads `text`, or answers nil if it is no whole number of bytes below 2^63.
  init?(_ text: String) {
    let lowercased = text.lowercased()
    let digits = lowercased.prefix { $0.isASCII && $0.isNumber }
    guard let count = UInt64(digits),
      let exponent = Self.exponent(ofSuffix: lowercased.dropFirst(digits.count))
    else { return nil }
    let (product, overflows) = count.multipliedReportingOverflow(by: 1 << (10 * exponent))
    guard !overflows, product <= UInt64(Int64.max) else { return nil }
    byteCount = product
  }

  private static func exponent(ofSuffix suffix: Substring) -> UInt64? {
    guard let letter = suffix.first else { return 0 }
    if suffix == "b" { return 0 }
    guard ["", "b", "i", "ib"].contains(suffix.dropFirst()) else { return nil }
    switch letter {
    case "k": return 1
    case "m": return 2
    case "g": return 3
    case "t": return 4
    case "p": return 5
    default: return nil
    }
  }

  static func < (left: ByteSize, right: ByteSize) -> Bool {
    left.byteCount < right.byteCount
  }

  init(from decoder: any Decoder) throws {
    byteCount = try decoder.singleValueContainer().decode(UInt64.self)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(byteCount)
  }
}

extension ByteSize: CustomStringConvertible {
  /// The shortest way to write it: `4k`, `1g`, `1536`.
  var description: String {
    var count = byteCount
    var suffixes = ["", "k", "m", "g", "t", "p"][...]
    while count != 0, count.isMultiple(of: 1024), suffixes.count > 1 {
      count /= 1024
      suffixes.removeFirst()
    }
    return "\(count)\(suffixes.first ?? "")"
  }
}
