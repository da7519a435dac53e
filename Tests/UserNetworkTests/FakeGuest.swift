import Glibc
import HostSystem
import Hypervisor

/// A guest at the other end of a network's port that speaks just enough Ethernet, ARP and IP.
final class FakeGuest {
  /// What a guest gets.
  struct Datagram {
    var source: IPv4Address
    var destination: IPv4Address
    var protocolNumber: UInt8
    /// What is behind the IP header.
    var payload: [UInt8]
  }

  /// Numbers of the formats.
  enum Number {
    static let ip: [UInt8] = [0x08, 0x00]
    static let arp: [UInt8] = [0x08, 0x06]
    static let icmp: UInt8 = 1
    static let tcp: UInt8 = 6
    static let udp: UInt8 = 17
  }

  static let hardwareAddress: [UInt8] = [0x02, 0x15, 0x15, 0x15, 0x15, 0x15]
  static let everybody = [UInt8](repeating: 0xFF, count: 6)

  let port: FramePort
  let address: IPv4Address

  init(port: FramePort, address: IPv4Address = IPv4Address(192, 168, 33, 15)) {
    self.port = port
    self.address = address
  }

  /// Sends a frame.
  func send(to destination: [UInt8] = everybody, _ type: [UInt8], _ payload: [UInt8]) {
    sendRaw(destination + Self.hardwareAddress + type + payload)
  }

  /// Sends bytes that may be no frame.
  func sendRaw(_ bytes: [UInt8]) {
    for _ in 0..<10_000 {
      // SAFETY: the array is as long as it says.
      if unsafe write(port.rawValue, bytes, bytes.count) == bytes.count { return }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    preconditionFailure("the network takes a frame within ten seconds")
  }

  /// Sends an IP datagram to the gateway, which is where libslirp looks for all of them.
  func send(
    _ protocolNumber: UInt8, to destination: IPv4Address, source: IPv4Address? = nil, _ payload: [UInt8]
  ) {
    let byteCount = Bytes.big(UInt16(20 + payload.count))
    var header: [UInt8] = [0x45, 0] + byteCount + [0, 1, 0, 0, 64, protocolNumber, 0, 0]
    header += (source ?? address).bytes + destination.bytes
    header.replaceSubrange(10..<12, with: Bytes.checksum(header))
    send(Number.ip, header + payload)
  }

  /// Asks who has `wanted`.
  func askFor(_ wanted: IPv4Address) {
    send(
      Number.arp,
      [0, 1, 8, 0, 6, 4, 0, 1] + Self.hardwareAddress + address.bytes + [UInt8](repeating: 0, count: 6)
        + wanted.bytes)
  }

  /// Tells everybody this guest's hardware address, unasked.
  func introduce() {
    send(
      Number.arp,
      [0, 1, 8, 0, 6, 4, 0, 1] + Self.hardwareAddress + address.bytes + Self.everybody + address.bytes)
  }

  /// The next frame within ten seconds.
  func receiveFrame() -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 70_000)
    for _ in 0..<10_000 {
      // SAFETY: the array is as long as it says.
      let count = unsafe read(port.rawValue, &bytes, bytes.count)
      if count > 0 { return Array(bytes[..<count]) }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    return nil
  }

  /// The next IP datagram of a protocol; says meanwhile who it is when asked.
  func receive(_ protocolNumber: UInt8) -> Datagram? {
    while let frame = receiveFrame() {
      if Array(frame[12..<14]) == Number.arp { answer(frame) }
      guard Array(frame[12..<14]) == Number.ip, frame.count >= 34, frame[23] == protocolNumber else {
        continue
      }
      let end = 14 + (Int(frame[16]) << 8 | Int(frame[17]))
      let start = 14 + Int(frame[14] & 15) * 4
      return Datagram(
        source: Self.address(frame, 26), destination: Self.address(frame, 30), protocolNumber: protocolNumber,
        payload: Array(frame[start..<end]))
    }
    return nil
  }

  /// Answers an ARP request for this guest.
  private func answer(_ frame: [UInt8]) {
    guard frame[21] == 1, Self.address(frame, 38) == address else { return }
    send(
      to: Array(frame[22..<28]), Number.arp,
      [0, 1, 8, 0, 6, 4, 0, 2] + Self.hardwareAddress + address.bytes + frame[22..<32])
  }

  private static func address(_ frame: [UInt8], _ offset: Int) -> IPv4Address {
    IPv4Address(frame[offset], frame[offset + 1], frame[offset + 2], frame[offset + 3])
  }
}
