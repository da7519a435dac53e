import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import Testing

/// Commands to a machine over its socket, from well-meaning clients and from others.
@Suite(.timeLimit(.minutes(20))) struct ControlTests {
  private let fixture: ControlFixture
  private let server: ControlServer
  private let machine: FakeMachine

  init() throws {
    fixture = try ControlFixture()
    (server, machine) = try fixture.start("vm")
  }

  private var path: String { "\(fixture.path)/vm.sock" }

  /// Whether the machine still answers.
  private func answers() throws -> Bool { try ControlClient(path: path).processID() == getpid() }

  @Test func `every request reaches the machine and is answered`() throws {
    let client = try ControlClient(path: path)
    #expect(try client.processID() == getpid())
    #expect(try client.state() == .running)
    #expect(try client.send(.pause) == .done)
    #expect(try client.state() == .paused)
    #expect(try client.send(.pause) == .failed("paused already"))
    #expect(try client.send(.resume) == .done)
    #expect(try client.send(.resume) == .failed("not paused"))
    #expect(try client.send(.balloon(deltaMiB: -64)) == .done)
    #expect(try client.send(.debug(ControlDebug(dumps: true, nmiVCPU: 0, sysrqKey: 0x74))) == .text("rip 0"))
    #expect(try client.send(.debug(ControlDebug(dumps: true, nmiVCPU: 9))) == .failed("no vCPU 9"))
    #expect(try client.send(.statistics) == .text(String(repeating: "x", count: 100_000)))
    #expect(try client.send(.stop) == .done)
    #expect(try client.send(.powerButton) == .done)
    #expect(
      machine.calls == [
        "pause", "pause", "resume", "resume", "balloon -64", "sysrq 116", "nmi 0", "dump", "nmi 9",
        "statistics",
        "stop", "power button",
      ])
  }

  @Test func `the requests are kvmtool's on the wire`() throws {
    let client = try RawClient(path)
    try client.send(RawClient.message(1, [0xF0, 0xFF, 0xFF, 0xFF]))
    #expect(try client.receive() == RawClient.message(0))
    try client.send(RawClient.message(2, [6, 0, 0, 0, 0, 0, 0, 0, 0x63, 0, 0, 0]))
    #expect(try client.receive() == RawClient.message(0))
    for type in [4, 5, 6] as [UInt32] {
      try client.send(RawClient.message(type))
      #expect(try client.receive() == RawClient.message(0))
    }
    try client.send(RawClient.message(8))
    #expect(try client.receive() == RawClient.message(0, [0, 0, 0, 0]))
    #expect(machine.calls == ["balloon -16", "sysrq 99", "nmi 0", "pause", "resume", "stop"])
  }

  @Test func `several requests in one write, and one in many, are answered in order`() throws {
    let client = try RawClient(path)
    try client.send(RawClient.message(4) + RawClient.message(5) + RawClient.message(6))
    var answers: [UInt8] = []
    while answers.count < 24 { answers += try #require(try client.receive()) }
    #expect(answers == RawClient.message(0) + RawClient.message(0) + RawClient.message(0))
    for byte in RawClient.message(1, [2, 0, 0, 0]) { try client.send([byte]) }
    #expect(try client.receive() == RawClient.message(0))
    #expect(machine.calls == ["pause", "resume", "stop", "balloon 2"])
  }

  @Test(
    arguments: [
      (0, []), (10, []), (0xFFFF_FFFF, [1, 2, 3]), (4, [0]), (1, []), (1, [0, 0, 0, 0, 0]), (2, []),
      (2, [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (2, [1, 0, 0, 0]), (7, [0]), (9, [0]),
    ] as [(UInt32, [UInt8])])
  func `unknown requests and wrong payloads are refused, and the next is answered`(
    type: UInt32, payload: [UInt8]
  ) throws {
    let client = try RawClient(path)
    try client.send(RawClient.message(type, payload))
    #expect(try client.receive()?.first == 1)
    try client.send(RawClient.message(6))
    #expect(try client.receive() == RawClient.message(0))
    #expect(machine.calls == ["stop"])
  }

  @Test(arguments: [257, 1 << 20, 0x8000_0000, 0xFFFF_FFFF] as [UInt32])
  func `a length beyond the limit is refused and the client left`(byteCount: UInt32) throws {
    let client = try RawClient(path)
    try client.send(RawClient.message(1, byteCount: byteCount, [1, 2, 3]))
    let answer = try #require(try client.receive())
    #expect(answer.first == 1)
    #expect(
      String(decoding: answer.dropFirst(8), as: UTF8.self) == "a message of \(byteCount) bytes is too long")
    #expect(try client.receive() == [])
    #expect(try answers())
    #expect(machine.calls.isEmpty)
  }

  @Test(arguments: [0, 1, 7, 8, 11])
  func `a message that is cut off by a close is forgotten`(byteCount: Int) throws {
    do {
      let client = try RawClient(path)
      try client.send(Array(RawClient.message(1, [1, 0, 0, 0]).prefix(byteCount)))
    }
    #expect(try answers())
    #expect(machine.calls.isEmpty)
  }

  @Test func `a client that stalls is left after its time, and the next is served`() throws {
    let stalling = try RawClient(path)
    try stalling.send([1, 0, 0])
    let begin = HostClock.monotonicNanoseconds()
    #expect(try answers())
    // Below the time-out it cannot have been: the stalling client came first.
    #expect(HostClock.monotonicNanoseconds() - begin >= 500_000_000)
    #expect(try stalling.receive() == [])
  }

  @Test func `a client that does not read its answers is left after its time`() throws {
    let greedy = try RawClient(path)
    // Answers of 100 KB each: more than the socket's buffers hold.
    for _ in 0..<10 { try greedy.send(RawClient.message(3)) }
    #expect(try answers())
    #expect(machine.calls.count < 10)
  }

  @Test func `two clients are served one after the other`() throws {
    let first = try ControlClient(path: path)
    #expect(try first.state() == .running)
    let second = try ControlClient(path: path)
    #expect(try second.send(.pause) == .done)
    #expect(machine.calls == ["pause"])
  }

  @Test func `random bytes never trap the machine`() throws {
    var generator = SplitMix64(seed: 11)
    for round in 0..<200 {
      // A client that waits for its answer now and then, so that those before it do not fill the queue.
      if round % 8 == 0 { #expect(try answers()) }
      let client = try RawClient(path)
      let count = Int(generator.next() % 64)
      var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      // Half of them with a plausible header, so that payloads are reached.
      if generator.next() & 1 == 0 {
        bytes = RawClient.message(
          UInt32(generator.next() % 10), byteCount: UInt32(generator.next() % 20), bytes)
      }
      try client.send(bytes)
    }
    #expect(try answers())
  }

  @Test func `a server that is stopped leaves its clients and removes its socket`() throws {
    let client = try RawClient(path)
    try client.send([1])
    server.stop()
    #expect(try client.receive() == [])
    #expect(fixture.entries.isEmpty)
    server.stop()
    #expect(throws: ControlError.notRunning(path: path)) { try answers() }
  }

  @Test func `an answer that makes no sense is refused by the client`() throws {
    for (type, payload) in [(2, []), (0, [1, 2, 3])] as [(UInt32, [UInt8])] {
      let listener = try UnixSocket.listening(path: "\(fixture.path)/odd.sock")
      let client = try ControlClient(path: "\(fixture.path)/odd.sock")
      let socket = try listener.accept()
      #expect(try socket.send(RawClient.message(type, payload)[...]) == 8 + payload.count)
      #expect(throws: ControlError.malformedReply) { try client.processID() }
      try UnixSocket.remove(path: "\(fixture.path)/odd.sock")
    }
  }

  @Test func `a machine that does not answer costs the client its time and no more`() throws {
    let listener = try UnixSocket.listening(path: "\(fixture.path)/mute.sock")
    let client = try ControlClient(path: "\(fixture.path)/mute.sock", timeoutMilliseconds: 50)
    #expect(throws: ControlError.timedOut) { try client.send(.pause) }
    _ = consume listener
  }
}
