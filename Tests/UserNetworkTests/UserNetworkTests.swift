import Hypervisor
import Testing
import UserNetwork

/// A guest made by hand, and servers of this process, with libslirp between them.
@Suite(.serialized) struct UserNetworkTests {
  private static let host = IPv4Address(192, 168, 33, 1)

  private static func withNetwork(
    _ configuration: UserNetworkConfiguration = UserNetworkConfiguration(allowsHostLoopback: true),
    _ body: (FakeGuest) throws -> Void
  ) throws {
    let network = try ServedNetwork(configuration, name: "test-slirp")
    defer { network.stop() }
    try body(FakeGuest(port: network.port, address: configuration.guestAddress))
  }

  /// A DHCP message of `type`, with further options.
  private static func dhcp(_ type: UInt8, _ options: [UInt8] = []) -> [UInt8] {
    [1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78] + [UInt8](repeating: 0, count: 20) + FakeGuest.hardwareAddress
      + [UInt8](repeating: 0, count: 202) + [99, 130, 83, 99, 53, 1, type] + options + [255]
  }

  /// The value of an option in a DHCP message within UDP.
  private static func option(_ number: UInt8, _ message: [UInt8]) -> [UInt8]? {
    var index = 8 + 240
    while index + 1 < message.count, message[index] != 255 {
      guard message[index] != 0 else {
        index += 1
        continue
      }
      let end = index + 2 + Int(message[index + 1])
      if message[index] == number { return Array(message[index + 2..<end]) }
      index = end
    }
    return nil
  }

  @Test func `the guest gets its address, the gateway and the name server by DHCP`() throws {
    try Self.withNetwork { guest in
      let everybody = IPv4Address(255, 255, 255, 255)
      let nobody = IPv4Address(0, 0, 0, 0)
      guest.send(
        FakeGuest.Number.udp, to: everybody, source: nobody, Bytes.udp(from: 68, to: 67, Self.dhcp(1)))
      let offer = try #require(guest.receive(FakeGuest.Number.udp)).payload
      #expect(Array(offer[8 + 16..<8 + 20]) == [192, 168, 33, 15])
      #expect(Self.option(53, offer) == [2])
      guest.send(
        FakeGuest.Number.udp, to: everybody, source: nobody,
        Bytes.udp(from: 68, to: 67, Self.dhcp(3, [50, 4, 192, 168, 33, 15])))
      let answer = try #require(guest.receive(FakeGuest.Number.udp)).payload
      #expect(Self.option(53, answer) == [5])
      #expect(Array(answer[8 + 16..<8 + 20]) == [192, 168, 33, 15])
      #expect(Self.option(1, answer) == [255, 255, 255, 0])
      #expect(Self.option(3, answer) == [192, 168, 33, 1])
      #expect(Self.option(6, answer) == [192, 168, 33, 3])
    }
  }

  @Test func `other addresses are handed out where they are asked for`() throws {
    let configuration = UserNetworkConfiguration(
      guestAddress: IPv4Address(10, 9, 8, 3), hostAddress: IPv4Address(10, 9, 8, 7))
    try Self.withNetwork(configuration) { guest in
      guest.send(
        FakeGuest.Number.udp, to: IPv4Address(255, 255, 255, 255), source: IPv4Address(0, 0, 0, 0),
        Bytes.udp(from: 68, to: 67, Self.dhcp(1)))
      let offer = try #require(guest.receive(FakeGuest.Number.udp)).payload
      #expect(Array(offer[8 + 16..<8 + 20]) == [10, 9, 8, 3])
      #expect(Self.option(3, offer) == [10, 9, 8, 7])
      #expect(Self.option(6, offer) == [10, 9, 8, 2])
    }
  }

  @Test func `the gateway answers ARP`() throws {
    try Self.withNetwork { guest in
      guest.askFor(Self.host)
      let answer = try #require(guest.receiveFrame())
      #expect(Array(answer[12..<14]) == FakeGuest.Number.arp)
      #expect(Array(answer[20..<22]) == [0, 2])
      #expect(Array(answer[28..<32]) == Self.host.bytes)
    }
  }

  @Test func `a datagram to the host's address reaches its loopback, and the answer comes back`() throws {
    let server = try HostSocket.bound(.datagrams)
    try Self.withNetwork { guest in
      let message = [UInt8]("is anybody there?".utf8)
      guest.send(FakeGuest.Number.udp, to: Self.host, Bytes.udp(from: 4000, to: server.port, message))
      try server.echo()
      let answer = try #require(guest.receive(FakeGuest.Number.udp))
      #expect(answer.source == Self.host)
      #expect(Array(answer.payload[..<4]) == Bytes.big(server.port) + Bytes.big(UInt16(4000)))
      #expect(Array(answer.payload[8...]) == message)
    }
  }

  @Test func `a connection to the host's address carries a request and its answer`() throws {
    let server = try HostSocket.bound(.stream)
    try Self.withNetwork { guest in
      func send(_ sequence: UInt32, _ acknowledgement: UInt32, _ flags: UInt8, _ data: [UInt8] = []) {
        let segment = TCPSegment(
          sourcePort: 4001, destinationPort: server.port, sequence: sequence,
          acknowledgement: acknowledgement,
          flags: flags, data: data)
        guest.send(FakeGuest.Number.tcp, to: Self.host, segment.bytes(from: guest.address, to: Self.host))
      }
      func receive() throws -> TCPSegment {
        let datagram = try #require(guest.receive(FakeGuest.Number.tcp))
        #expect(datagram.source == Self.host)
        return try #require(TCPSegment(datagram.payload))
      }
      send(1000, 0, TCPSegment.syn)
      let opening = try receive()
      #expect(opening.flags == TCPSegment.syn | TCPSegment.acknowledge)
      #expect(opening.acknowledgement == 1001)
      let connection = try server.accepted()
      let request = [UInt8]("GET / HTTP/1.0\r\n\r\n".utf8)
      let start = opening.sequence &+ 1
      send(1001, start, TCPSegment.acknowledge)
      send(1001, start, TCPSegment.acknowledge | TCPSegment.push, request)
      #expect(try connection.receive() == request)
      let response = [UInt8]("HTTP/1.0 200 OK\r\n\r\nhello".utf8)
      try connection.send(response)
      var received: [UInt8] = []
      while received.count < response.count { received += try receive().data }
      #expect(received == response)
      // The guest hangs up, and the server hears of it.
      let end = 1001 + UInt32(request.count)
      send(end, start &+ UInt32(response.count), TCPSegment.acknowledge | TCPSegment.fin)
      #expect(try connection.receive().isEmpty)
    }
  }

  @Test func `a port where nobody listens refuses the connection`() throws {
    let port = try HostSocket.bound(.datagrams).port
    try Self.withNetwork { guest in
      let segment = TCPSegment(sourcePort: 4002, destinationPort: port, sequence: 7, flags: TCPSegment.syn)
      guest.send(FakeGuest.Number.tcp, to: Self.host, segment.bytes(from: guest.address, to: Self.host))
      let answer = try #require(guest.receive(FakeGuest.Number.tcp).flatMap { TCPSegment($0.payload) })
      #expect(answer.flags & TCPSegment.reset != 0)
    }
  }

  @Test func `a forwarded port of the host leads into the guest`() throws {
    let port = try HostSocket.bound(.stream).port
    let forward = PortForward(transport: .tcp, hostPort: port, guestPort: 22)
    try Self.withNetwork(UserNetworkConfiguration(forwards: [forward])) { guest in
      let client = try HostSocket.connected(to: port)
      let opening = try #require(guest.receive(FakeGuest.Number.tcp))
      let segment = try #require(TCPSegment(opening.payload))
      #expect(opening.destination == guest.address)
      #expect(segment.destinationPort == 22)
      #expect(segment.flags == TCPSegment.syn)
      let answer = TCPSegment(
        sourcePort: 22, destinationPort: segment.sourcePort, sequence: 500,
        acknowledgement: segment.sequence &+ 1, flags: TCPSegment.syn | TCPSegment.acknowledge)
      guest.send(
        FakeGuest.Number.tcp, to: opening.source, answer.bytes(from: guest.address, to: opening.source))
      try client.send([UInt8]("hello".utf8))
      var data: [UInt8] = []
      while data.count < 5 {
        let datagram = try #require(guest.receive(FakeGuest.Number.tcp))
        data += TCPSegment(datagram.payload)?.data ?? []
      }
      #expect(data == [UInt8]("hello".utf8))
    }
  }

  @Test func `a guest that reads nothing makes the sender wait, and gets everything later`() throws {
    let server = try HostSocket.bound(.datagrams)
    try Self.withNetwork { guest in
      // The guest is known from here on.
      guest.askFor(Self.host)
      _ = try #require(guest.receiveFrame())
      // More frames than the socket to the guest takes: the last ones wait in the host's socket.
      let message = [UInt8](repeating: 7, count: 1400)
      let count: UInt16 = 240
      guest.send(FakeGuest.Number.udp, to: Self.host, Bytes.udp(from: 5000, to: server.port, message))
      try server.answer { bytes in (0..<count).map { bytes + Bytes.big($0) } }
      var next: UInt16 = 0
      while next < count, let answer = guest.receive(FakeGuest.Number.udp) {
        #expect(Array(answer.payload.suffix(2)) == Bytes.big(next))
        next += 1
      }
      #expect(next == count)
    }
  }

  @Test func `frames that make no sense do no harm`() throws {
    try Self.withNetwork { guest in
      for byteCount in [1, 13, 14, 20, 33, 34, 60, 1514, 9000, 60_000] {
        for type in [FakeGuest.Number.ip, FakeGuest.Number.arp, [0x86, 0xDD], [0, 0]] {
          let frame = FakeGuest.everybody + FakeGuest.hardwareAddress + type
          let body = (0..<max(0, byteCount - 14)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
          guest.sendRaw(Array((frame + body)[..<byteCount]))
        }
      }
      guest.askFor(Self.host)
      var answer = try #require(guest.receiveFrame())
      while Array(answer[12..<14]) != FakeGuest.Number.arp { answer = try #require(guest.receiveFrame()) }
      #expect(Array(answer[28..<32]) == Self.host.bytes)
    }
  }
}
