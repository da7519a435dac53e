/// A length of time, written as `5s`, `500ms`, `2m`, `1h`, `250us`, or as a bare number of seconds: `1.5`.
struct TimeSpan: Hashable, Comparable, Codable, Sendable {
  /// The length in nanoseconds.
  let nanoseconds: UInt64

  /// The longest time that can be asked for: a day.
  static let longest = TimeSpan(nanoseconds: 86_400 * 1_000_000_000)

  /// A span of `nanoseconds`.
  init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// A span of `count` milliseconds.
  static func milliseconds(_ count: UInt64) -> TimeSpan {
    TimeSpan(nanoseconds: count * 1_000_000)
  }

  /// Reads `text`, or answers nil if it is no time, is negative, or is longer than a day.
  init?(_ text: String) {
    let lowercased = text.lowercased()
    let number = lowercased.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let first = number.first, first != ".", number.last != ".", let value = Double(number),
      let unit = Self.nanoseconds(ofUnit: lowercased.dropFirst(number.count))
    else { return nil }
    let product = value * unit
    guard product.isFinite, product <= Double(Self.longest.nanoseconds) else { return nil }
    nanoseconds = UInt64(product.rounded())
  }

  /// The length in seconds.
  var seconds: Double { Double(nanoseconds) / 1e9 }

  private static func nanoseconds(ofUnit unit: Substring) -> Double? {
    switch unit {
    case "us": 1e3
    case "ms": 1e6
    case "s", "": 1e9
    case "m": 60e9
    case "h": 3600e9
    default: nil
    }
  }

  static func < (left: TimeSpan, right: TimeSpan) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// Encoded as a number of seconds.
  init(from decoder: any Decoder) throws {
    let seconds = try decoder.singleValueContainer().decode(Double.self)
    guard seconds >= 0, seconds <= Self.longest.seconds else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath, debugDescription: "\(seconds) is not a time between 0 and a day"))
    }
    nanoseconds = UInt64((seconds * 1e9).rounded())
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(seconds)
  }
}

extension TimeSpan: CustomStringConvertible {
  /// In the largest unit that leaves no fraction: `500ms`, `3s`.
  var description: String {
    if nanoseconds.isMultiple(of: 1_000_000_000) { return "\(nanoseconds / 1_000_000_000)s" }
    if nanoseconds.isMultiple(of: 1_000_000) { return "\(nanoseconds / 1_000_000)ms" }
    return "\(Double(nanoseconds) / 1000)us"
  }
}
