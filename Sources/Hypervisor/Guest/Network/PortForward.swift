/// A port of the host that leads to a port of the guest: `tcp:[ADDRESS:]PORT-[ADDRESS]:PORT`.
public struct PortForward: Equatable, Sendable {
  /// What is forwarded.
  public enum Transport: String, Sendable {
    /// Connections.
    case tcp
    /// Datagrams.
    case udp
  }

  /// What is forwarded.
  public var transport: Transport
  /// Where the host listens: on its loopback by default, so that nobody else reaches the guest.
  public var hostAddress: IPv4Address
  /// The host's port.
  public var hostPort: UInt16
  /// Where it leads; nil: to the guest's first address.
  public var guestAddress: IPv4Address?
  /// The guest's port.
  public var guestPort: UInt16

  /// A forwarding by its parts.
  public init(
    transport: Transport, hostAddress: IPv4Address = IPv4Address(127, 0, 0, 1), hostPort: UInt16,
    guestAddress: IPv4Address? = nil, guestPort: UInt16
  ) {
    self.transport = transport
    self.hostAddress = hostAddress
    self.hostPort = hostPort
    self.guestAddress = guestAddress
    self.guestPort = guestPort
  }

  /// Reads `tcp:2222-:22`, `udp:0.0.0.0:53-192.168.33.15:53` and the like; nil for anything else.
  public init?(parsing text: some StringProtocol) {
    guard let colon = text.firstIndex(of: ":"), let transport = Transport(rawValue: String(text[..<colon]))
    else { return nil }
    let ends = text[text.index(after: colon)...].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends[1].contains(":"), let host = Self.end(ends[0]), let guest = Self.end(ends[1])
    else { return nil }
    self.init(
      transport: transport, hostAddress: host.address ?? IPv4Address(127, 0, 0, 1), hostPort: host.port,
      guestAddress: guest.address, guestPort: guest.port)
  }

  /// Reads `[[ADDRESS]:]PORT`.
  private static func end(_ text: some StringProtocol) -> (address: IPv4Address?, port: UInt16)? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2, let digits = parts.last, digits.allSatisfy(\.isNumber), let port = UInt16(digits),
      port > 0
    else { return nil }
    guard parts.count == 2, !parts[0].isEmpty else { return (nil, port) }
    return IPv4Address(parsing: parts[0]).map { ($0, port) }
  }
}
