/// Addresses of version 4 that begin with the same bits: 10.0.0.0/8.
public struct IPv4Network: Hashable, Sendable, CustomStringConvertible {
  /// The first address.
  public let address: IPv4Address
  /// How many of its bits all addresses share.
  public let prefixLength: Int

  /// Reads ADDRESS/LENGTH, or an address alone, which is a network of one. Nil for anything else, bits behind the prefix
  /// included.
  public init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = parts.first.flatMap({ IPv4Address(parsing: $0) }) else {
      return nil
    }
    self.address = address
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let length = Int(parts[1]), length <= 32
      else { return nil }
      prefixLength = length
    } else {
      prefixLength = 32
    }
    guard address.rawValue & ~mask == 0 else { return nil }
  }

  private var mask: UInt32 { prefixLength == 0 ? 0 : ~0 << UInt32(32 - prefixLength) }

  /// Whether `other` is one of its addresses.
  public func contains(_ other: IPv4Address) -> Bool { other.rawValue & mask == address.rawValue }

  /// ADDRESS/LENGTH.
  public var description: String { "\(address)/\(prefixLength)" }
}
