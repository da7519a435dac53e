import Hypervisor
import Testing
import UserNetwork

/// Where a guest does not get to, and how much it may have at a time.
@Suite(.serialized) struct UserNetworkLimitTests {
  private static let host = IPv4Address(192, 168, 33, 1)
  private static let nameServer = IPv4Address(192, 168, 33, 3)

  private static func withNetwork(
    _ configuration: UserNetworkConfiguration = UserNetworkConfiguration(),
    _ body: (FakeGuest) throws -> Void
  ) throws {
    let network = try ServedNetwork(configuration, name: "limit-slirp")
    defer { network.stop() }
    try body(FakeGuest(port: network.port, address: configuration.guestAddress))
  }

  private static func open(_ guest: FakeGuest, _ address: IPv4Address, _ port: UInt16) {
    let segment = TCPSegment(sourcePort: 4003, destinationPort: port, sequence: 7, flags: TCPSegment.syn)
    guest.send(FakeGuest.Number.tcp, to: address, segment.bytes(from: guest.address, to: address))
  }

  /// Expects the word that the destination is prohibited, with the packet that was sent to `address`.
  private static func expectRefusal(_ guest: FakeGuest, of address: IPv4Address) throws {
    let answer = try #require(guest.receive(FakeGuest.Number.icmp))
    #expect(answer.source == host)
    #expect(answer.destination == guest.address)
    #expect(Array(answer.payload[0..<2]) == [3, 13])
    #expect(Array(answer.payload[8 + 16..<8 + 20]) == address.bytes)
    #expect(Bytes.checksum(answer.payload) == [0, 0])
  }

  @Test func `servers on the host's loopback are out of reach by default, by any name`() throws {
    let server = try HostSocket.bound(.stream)
    let datagrams = try HostSocket.bound(.datagrams)
    try Self.withNetwork { guest in
      for address in [
        Self.host, IPv4Address(127, 0, 0, 1), IPv4Address(0, 0, 0, 0), IPv4Address(192, 168, 33, 9),
      ] {
        Self.open(guest, address, server.port)
        try Self.expectRefusal(guest, of: address)
        guest.send(FakeGuest.Number.udp, to: address, Bytes.udp(from: 5000, to: datagrams.port, [1]))
        try Self.expectRefusal(guest, of: address)
      }
    }
  }

  @Test func `the name server's address leads to names and to no other server of its machine`() throws {
    let server = try HostSocket.bound(.stream)
    for configuration in [UserNetworkConfiguration(), UserNetworkConfiguration(allowsHostLoopback: true)] {
      try Self.withNetwork(configuration) { guest in
        Self.open(guest, Self.nameServer, server.port)
        try Self.expectRefusal(guest, of: Self.nameServer)
      }
    }
  }

  @Test func `a restricted guest reaches nothing, its name server included`() throws {
    try Self.withNetwork(UserNetworkConfiguration(isRestricted: true)) { guest in
      for address in [IPv4Address(198, 51, 100, 1), Self.nameServer, Self.host] {
        Self.open(guest, address, 53)
        try Self.expectRefusal(guest, of: address)
      }
    }
  }

  @Test func `a restricted guest answers connections to a forwarded port`() throws {
    let port = try HostSocket.bound(.datagrams).port
    let forward = PortForward(transport: .udp, hostPort: port, guestPort: 5353)
    try Self.withNetwork(UserNetworkConfiguration(isRestricted: true, forwards: [forward])) { guest in
      // Before anybody came, the port is no way out.
      guest.send(FakeGuest.Number.udp, to: Self.host, Bytes.udp(from: 5353, to: port, [1]))
      try Self.expectRefusal(guest, of: Self.host)
      let client = try HostSocket.connected(to: port, .datagrams)
      try client.send([UInt8]("question".utf8))
      let question = try #require(guest.receive(FakeGuest.Number.udp))
      #expect(Array(question.payload[8...]) == [UInt8]("question".utf8))
      let source = UInt16(question.payload[0]) << 8 | UInt16(question.payload[1])
      guest.send(
        FakeGuest.Number.udp, to: question.source,
        Bytes.udp(from: 5353, to: source, [UInt8]("answer".utf8)))
      #expect(try client.receive() == [UInt8]("answer".utf8))
    }
  }

  @Test func `a guest has a bounded number of flows, and more again when some have ended`() throws {
    let server = try HostSocket.bound(.stream)
    try Self.withNetwork(UserNetworkConfiguration(allowsHostLoopback: true, flowLimit: 4)) { guest in
      func send(_ port: UInt16, _ sequence: UInt32, _ flags: UInt8) {
        let segment = TCPSegment(
          sourcePort: port, destinationPort: server.port, sequence: sequence, flags: flags)
        guest.send(FakeGuest.Number.tcp, to: Self.host, segment.bytes(from: guest.address, to: Self.host))
      }
      /// The guest's ports whose connections the network opened until it answered ARP, which it does last.
      func opened() -> Set<UInt16> {
        var ports: Set<UInt16> = []
        // Several turns, because a connection of the host's kernel is reported one turn later.
        for _ in 0..<20 {
          guest.askFor(Self.host)
          while let frame = guest.receiveFrame() {
            if Array(frame[12..<14]) == FakeGuest.Number.arp {
              if frame[21] == 1 { guest.introduce() }
              if frame[21] == 2 { break }
            } else if frame[23] == FakeGuest.Number.tcp,
              frame[47] & 0x3F == TCPSegment.syn | TCPSegment.acknowledge
            {
              ports.insert(UInt16(frame[36]) << 8 | UInt16(frame[37]))
            }
          }
        }
        return ports
      }
      guest.introduce()
      for port in 6000..<6010 as Range<UInt16> { send(port, 1, TCPSegment.syn) }
      #expect(opened() == Set(6000..<6004))
      for port in 6000..<6004 as Range<UInt16> { send(port, 2, TCPSegment.reset) }
      send(6009, 1, TCPSegment.syn)
      #expect(opened() == [6009])
    }
  }
}
