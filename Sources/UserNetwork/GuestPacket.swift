import Hypervisor

/// What the headers of an Ethernet frame with an IPv4 packet say, as far as rules need it. The guest wrote them: this is a
/// copy, and nothing in it need be true.
struct GuestPacket: Equatable {
  /// Protocol numbers of IPv4.
  enum Transport {
    static let icmp: UInt8 = 1
    static let tcp: UInt8 = 6
    static let udp: UInt8 = 17
  }

  /// Bytes of an Ethernet header.
  static let ethernetByteCount = 14
  private static let headerByteCount = 20
  /// IPv4's.
  static let etherType: [UInt8] = [0x08, 0x00]
  /// SYN among FIN, SYN, RST, ACK and URG: what alone opens a connection.
  private static let openingMask: UInt8 = 0b11_0111
  private static let opening: UInt8 = 0b00_0010

  let source: IPv4Address
  let destination: IPv4Address
  let transport: UInt8
  /// Whether it is a part of a packet: then its ports are not to be believed, because another part may overwrite them.
  let isFragment: Bool
  /// The source port of TCP or UDP; nil if the packet ends before it.
  let sourcePort: UInt16?
  let destinationPort: UInt16?
  /// Whether it is a TCP segment that opens a connection.
  let opensConnection: Bool

  /// What a frame is.
  enum Frame: Equatable {
    /// No IPv4: ARP, or what libslirp ignores.
    case other
    /// IPv4 that ends within its header.
    case broken
    case packet(GuestPacket)
  }

  /// Reads the headers of a frame.
  static func read(_ frame: UnsafeRawBufferPointer) -> Frame {
    guard frame.count >= ethernetByteCount, unsafe frame[12] == etherType[0], unsafe frame[13] == etherType[1]
    else { return .other }
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: frame[ethernetByteCount...])
    guard let packet = unsafe GuestPacket(bytes) else { return .broken }
    return .packet(packet)
  }

  private init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.headerByteCount else { return nil }
    func half(_ offset: Int) -> UInt16? {
      guard offset + 2 <= bytes.count else { return nil }
      return unsafe UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }
    func address(_ offset: Int) -> IPv4Address {
      unsafe IPv4Address(bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3])
    }
    let end = Int(unsafe bytes[0] & 15) * 4
    guard end >= Self.headerByteCount, end <= bytes.count else { return nil }
    source = address(12)
    destination = address(16)
    transport = unsafe bytes[9]
    // More fragments, or an offset.
    isFragment = (half(6) ?? 0) & 0x3FFF != 0
    let hasPorts = transport == Transport.tcp || transport == Transport.udp
    sourcePort = hasPorts ? half(end) : nil
    destinationPort = hasPorts ? half(end + 2) : nil
    opensConnection =
      transport == Transport.tcp
      && (end + 13 >= bytes.count || (unsafe bytes[end + 13] & Self.openingMask) == Self.opening)
  }
}
