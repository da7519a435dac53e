/// An Ethernet hardware address of six bytes.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
  /// Bytes of an address.
  public static let byteCount = 6

  /// The six bytes, in the order in which they are sent.
  public let bytes: [UInt8]

  /// Takes over six bytes; nil for another count.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = Array(bytes)
  }

  /// Reads six pairs of hexadecimal digits with colons between them; nil for anything else.
  public init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    self.init(
      parts.compactMap { part in
        (1...2).contains(part.utf8.count) && part.allSatisfy(\.isHexDigit) ? UInt8(part, radix: 16) : nil
      })
    guard parts.count == Self.byteCount else { return nil }
  }

  private init(prefix: [UInt8], last: UInt8) { bytes = prefix + [last] }

  /// The address of a guest's network device number `index`, as kvmtool numbers them: 02:15:15:15:15:15 and on.
  public static func guestDefault(index: Int) -> MACAddress {
    MACAddress(prefix: [0x02, 0x15, 0x15, 0x15, 0x15], last: 0x15 &+ UInt8(truncatingIfNeeded: index))
  }

  /// Whether it may be the address of one interface: neither a group's nor zero.
  public var isUnicast: Bool { bytes[0] & 1 == 0 && bytes.contains { $0 != 0 } }

  /// Six pairs of hexadecimal digits with colons between them.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
