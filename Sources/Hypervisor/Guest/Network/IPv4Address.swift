/// An address of version 4 of the Internet protocol.
public struct IPv4Address: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The address; its first byte is the most significant.
  public let rawValue: UInt32
  /// Wraps `rawValue`.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The address `first.second.third.fourth`.
  public init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
    rawValue = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
  }

  /// Reads four decimal numbers with dots between them; nil for anything else.
  public init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { part in
      part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt8(part) : nil
    }
    guard parts.count == 4, bytes.count == 4 else { return nil }
    self.init(bytes[0], bytes[1], bytes[2], bytes[3])
  }

  /// The four bytes, in the order in which they are sent.
  public var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> (24 - $0 * 8)) } }

  /// Four decimal numbers with dots between them.
  public var description: String { bytes.map(String.init).joined(separator: ".") }
}
