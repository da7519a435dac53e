import HostSystem

/// A number of bytes, written as fio writes sizes: `4096`, `4k`, `1m`, `1g`, `1t`, in either case.
///
/// All suffixes are powers of 1024, with `b`, `i` or `ib` after the letter or without: `4k`, `4kb`, `4ki` and `4kib`
/// are the same. (fio takes `kib` for 1000 by default, against IEC 80000-13; here they are the same.)
struct ByteSize: Hashable, Comparable, Codable, Sendable {
  /// The number of bytes.
  let byteCount: UInt64

  /// A size of `byteCount` bytes.
  init(byteCount: UInt64) {
    self.byteCount = byteCount
  }

  /// Reads `text`; nil if it is no whole number of bytes below 2^63.
  init?(_ text: String) {
    guard let byteCount = ByteCountText.byteCount(text, [.binarySuffixes, .binaryB, .plainB]) else {
      return nil
    }
    self.byteCount = byteCount
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
