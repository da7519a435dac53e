import Hypervisor

/// Which packets of a guest libslirp gets: where they may go, and how many flows there may be.
///
/// libslirp itself turns every address of its network into the host's loopback or name server, and passes 127.0.0.1 and
/// 0.0.0.0 on as they are.
struct FlowRules {
  /// What becomes of a frame.
  enum Verdict: Equatable {
    case pass
    /// The packet is dropped without an answer.
    case drop
    /// The guest gets ICMP "administratively prohibited".
    case refuse
  }

  /// An address and a port that sent something to a forwarded port.
  private struct Peer: Hashable {
    let address: IPv4Address
    let port: UInt16
  }

  private static let dhcpPort: UInt16 = 67
  private static let namePort: UInt16 = 53
  private static let broadcast = IPv4Address(rawValue: .max)
  /// Peers of forwarded UDP ports that are remembered; the oldest are forgotten first.
  private static let peerLimit = 256

  private let configuration: UserNetworkConfiguration
  private let nameServer: IPv4Address
  private let forwardedPorts: Set<UInt16>
  private let flowLimit: Int
  private var peers: [Peer] = []

  init(_ configuration: UserNetworkConfiguration, flowLimit: Int) {
    self.configuration = configuration
    self.flowLimit = flowLimit
    nameServer = configuration.chosenNameServer
    forwardedPorts = Set(configuration.forwards.filter { $0.transport == .udp }.map(\.guestPort))
  }

  /// Judges a frame of the guest's.
  ///
  /// - Parameter flowCount: the flows that exist.
  func verdict(on frame: GuestPacket.Frame, flowCount: Int) -> Verdict {
    let packet: GuestPacket
    switch frame {
    case .other: return .pass
    case .broken: return .drop
    case .packet(let read): packet = read
    }
    if isLocal(packet) { return .pass }
    guard packet.isFragment ? mayReach(packet.destination) : mayReach(packet) else {
      return packet.isFragment || packet.destination == Self.broadcast ? .drop : .refuse
    }
    let opensFlow =
      packet.transport != GuestPacket.Transport.tcp || packet.opensConnection || packet.isFragment
    return opensFlow && flowCount >= flowLimit ? .drop : .pass
  }

  /// Whether libslirp answers it, or it belongs to a flow that exists.
  private func isLocal(_ packet: GuestPacket) -> Bool {
    guard !packet.isFragment else { return false }
    switch packet.transport {
    case GuestPacket.Transport.tcp: return !packet.opensConnection
    case GuestPacket.Transport.icmp:
      return packet.destination == configuration.hostAddress || packet.destination == nameServer
    case GuestPacket.Transport.udp:
      guard let source = packet.sourcePort, let port = packet.destinationPort else { return false }
      let isDHCP =
        port == Self.dhcpPort
        && (packet.destination == Self.broadcast || packet.destination == configuration.hostAddress)
      return isDHCP
        || forwardedPorts.contains(source) && peers.contains(Peer(address: packet.destination, port: port))
    default: return false
    }
  }

  private func mayReach(_ packet: GuestPacket) -> Bool {
    guard packet.destination == nameServer else { return mayReach(packet.destination) }
    // Any other port would be one of the machine that serves names, which may be the host's loopback.
    return packet.destinationPort == Self.namePort && !configuration.isRestricted
  }

  private func mayReach(_ destination: IPv4Address) -> Bool {
    let mask = configuration.netmask.rawValue
    if destination.rawValue & mask == configuration.network.rawValue {
      return configuration.allowsHostLoopback && destination != nameServer
    }
    switch destination.rawValue >> 24 {
    // This host, by the names that Linux has for it.
    case 0, 127: return configuration.allowsHostLoopback
    default: break
    }
    guard configuration.isRestricted || !configuration.allowedNetworks.isEmpty else { return true }
    return configuration.allowedNetworks.contains { $0.contains(destination) }
  }

  /// Notes who sent a datagram to a forwarded port, so that the guest may answer.
  mutating func note(sent frame: GuestPacket.Frame) {
    guard !forwardedPorts.isEmpty, case .packet(let packet) = frame,
      packet.transport == GuestPacket.Transport.udp, let port = packet.sourcePort,
      let guestPort = packet.destinationPort, forwardedPorts.contains(guestPort)
    else { return }
    let peer = Peer(address: packet.source, port: port)
    guard !peers.contains(peer) else { return }
    if peers.count == Self.peerLimit { peers.removeFirst() }
    peers.append(peer)
  }

  /// The frame that tells a guest that its packet's destination is prohibited (ICMP type 3, code 13).
  func refusal(of frame: UnsafeRawBufferPointer) -> [UInt8] {
    let start = GuestPacket.ethernetByteCount
    guard frame.count > start else { return [] }
    let headerByteCount = Int(unsafe frame[start] & 15) * 4
    guard headerByteCount >= 20, frame.count >= start + headerByteCount else { return [] }
    let quoted = unsafe Array(frame[start..<min(frame.count, start + headerByteCount + 8)])
    var message: [UInt8] = [3, 13, 0, 0, 0, 0, 0, 0] + quoted
    message.replaceSubrange(2..<4, with: Self.checksum(message))
    let byteCount = UInt16(clamping: 20 + message.count)
    var header: [UInt8] = [0x45, 0, UInt8(byteCount >> 8), UInt8(byteCount & 255), 0, 0, 0, 0, 64, 1, 0, 0]
    header += configuration.hostAddress.bytes
    header += unsafe [UInt8](frame[start + 12..<start + 16])
    header.replaceSubrange(10..<12, with: Self.checksum(header))
    // From where the packet was sent to, back to its sender.
    var answer = unsafe [UInt8](frame[6..<12])
    answer += unsafe [UInt8](frame[0..<6])
    answer += GuestPacket.etherType
    answer += header
    return answer + message
  }

  /// The ones' complement of the sum of the words (RFC 1071).
  private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += UInt32(byte) << (index.isMultiple(of: 2) ? 8 : 0) }
    while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
    let result = ~UInt16(truncatingIfNeeded: sum)
    return [UInt8(result >> 8), UInt8(result & 255)]
  }
}
