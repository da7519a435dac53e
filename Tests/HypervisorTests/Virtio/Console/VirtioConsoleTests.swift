import Hypervisor
import Testing
import VextProtocol

/// A virtio console, and a driver good or bad.
@Suite struct VirtioConsoleTests {
  private typealias Fixture = DeviceThreadFixture<VirtioConsole>
  private static let receive = 0
  private static let transmit = 1
  private static let sizeFeature: UInt64 = 1 << 0
  private static let emergencyFeature: UInt64 = 1 << 2

  private func makeFixture(_ endpoint: FakeConsoleEndpoint?) throws -> Fixture {
    try Fixture { VirtioConsole(memory: $0, thread: $1, endpoint: endpoint) }
  }

  @Test(arguments: [false, true])
  func `the driver's output reaches the endpoint`(usesEventIndex: Bool) throws {
    let endpoint = FakeConsoleEndpoint()
    let fixture = try makeFixture(endpoint)
    try fixture.start(usesEventIndex: usesEventIndex)
    for word in ["hello ", "world"] {
      try fixture.offer(Self.transmit, readable: Array(word.utf8))
      #expect(try fixture.takeUsed(Self.transmit) == .init(head: 0, byteCount: 0))
    }
    #expect(endpoint.written == Array("hello world".utf8))
  }

  @Test func `a chain waits for room in the endpoint, and no byte comes twice`() throws {
    let endpoint = FakeConsoleEndpoint(room: 3)
    let fixture = try makeFixture(endpoint)
    try fixture.start()
    try fixture.offer(Self.transmit, readable: Array("abcdefgh".utf8))
    #expect(eventually { endpoint.written == Array("abc".utf8) })
    #expect(try fixture.takeUsedAtOnce(Self.transmit) == nil)
    endpoint.allow(2)
    fixture.device.endpointHasRoom()
    #expect(endpoint.written == Array("abcde".utf8))
    endpoint.allow(.max)
    fixture.device.endpointHasRoom()
    #expect(try fixture.takeUsed(Self.transmit) == .init(head: 0, byteCount: 0))
    #expect(endpoint.written == Array("abcdefgh".utf8))
  }

  @Test func `input fills the driver's buffers`() throws {
    let fixture = try makeFixture(FakeConsoleEndpoint())
    try fixture.start()
    try fixture.offer(Self.receive, head: 0, writableByteCount: 4)
    try fixture.offer(Self.receive, head: 1, writableByteCount: 4, at: Fixture.buffers + 64)
    #expect(fixture.device.receive(Array("123456".utf8)) == 6)
    #expect(try fixture.takeUsed(Self.receive) == .init(head: 0, byteCount: 4))
    #expect(try fixture.takeUsed(Self.receive) == .init(head: 1, byteCount: 2))
    #expect(try fixture.memory.read(4, at: GuestAddress(Fixture.buffers)) == Array("1234".utf8))
    #expect(try fixture.memory.read(2, at: GuestAddress(Fixture.buffers + 64)) == Array("56".utf8))
    #expect(fixture.recorder.takeInterrupts(Self.receive + 1) > 0)
  }

  @Test func `input waits for a driver, up to a limit, and asks for more when it is taken`() throws {
    let endpoint = FakeConsoleEndpoint()
    let fixture = try makeFixture(endpoint)
    #expect(fixture.device.receive([UInt8](repeating: 0x61, count: 5000)) == 4096)
    #expect(!fixture.device.sysRq(0x68))
    #expect(endpoint.roomCalls == 0)
    try fixture.start()
    try fixture.offer(Self.receive, writableByteCount: 8192)
    #expect(try fixture.takeUsed(Self.receive) == .init(head: 0, byteCount: 4096))
    #expect(eventually { endpoint.roomCalls == 1 })
  }

  @Test func `a SysRq is Ctrl-O and its character`() throws {
    let fixture = try makeFixture(nil)
    try fixture.start()
    try fixture.offer(Self.receive, writableByteCount: 16)
    #expect(fixture.device.sysRq(0x68))
    #expect(try fixture.takeUsed(Self.receive) == .init(head: 0, byteCount: 2))
    #expect(try fixture.memory.read(2, at: GuestAddress(Fixture.buffers)) == [0x0F, 0x68])
  }

  @Test func `an emergency write needs no queue`() throws {
    let endpoint = FakeConsoleEndpoint()
    let fixture = try makeFixture(endpoint)
    #expect(fixture.driver.offeredFeatures() & Self.emergencyFeature != 0)
    fixture.setConfiguration(8, byteCount: 4, 0x41)
    fixture.setConfiguration(0, byteCount: 4, 0x42)
    #expect(endpoint.written == [0x41])
  }

  @Test func `the driver learns the window's size, and that it changed`() throws {
    let fixture = try makeFixture(FakeConsoleEndpoint(windowSize: ConsoleSize(columns: 80, rows: 25)))
    #expect(fixture.driver.offeredFeatures() & Self.sizeFeature != 0)
    try fixture.start(features: Self.sizeFeature)
    #expect(fixture.configuration(0, byteCount: 4) == 80 | 25 << 16)
    fixture.device.windowSizeChanged(ConsoleSize(columns: 300, rows: 50))
    #expect(fixture.recorder.waitForInterrupt(0))
    #expect(fixture.configuration(0, byteCount: 4) == 300 | 50 << 16)
    #expect(fixture.configuration(4, byteCount: 4) == 1)
  }

  @Test func `a driver without the size feature gets no size changes`() throws {
    let fixture = try makeFixture(FakeConsoleEndpoint(windowSize: ConsoleSize(columns: 80, rows: 25)))
    try fixture.start()
    fixture.device.windowSizeChanged(ConsoleSize(columns: 300, rows: 50))
    #expect(fixture.recorder.takeInterrupts(0) == 0)
  }

  @Test func `a console without a window offers no size`() throws {
    #expect(try makeFixture(FakeConsoleEndpoint()).driver.offeredFeatures() & Self.sizeFeature == 0)
  }

  @Test func `a console without an endpoint takes all output`() throws {
    let fixture = try makeFixture(nil)
    try fixture.start()
    try fixture.offer(Self.transmit, readable: Array("x".utf8))
    #expect(try fixture.takeUsed(Self.transmit) == .init(head: 0, byteCount: 0))
  }

  @Test func `buffers in the wrong direction are handed back unused`() throws {
    let endpoint = FakeConsoleEndpoint()
    let fixture = try makeFixture(endpoint)
    try fixture.start()
    try fixture.offer(Self.transmit, writableByteCount: 64)
    #expect(try fixture.takeUsed(Self.transmit) == .init(head: 0, byteCount: 0))
    #expect(endpoint.written == [])
    try fixture.offer(Self.receive, head: 0, readable: [1, 2, 3])
    try fixture.offer(Self.receive, head: 1, writableByteCount: 8, at: Fixture.buffers + 64)
    #expect(fixture.device.receive([0x41]) == 1)
    #expect(try fixture.takeUsed(Self.receive) == .init(head: 0, byteCount: 0))
    #expect(try fixture.takeUsed(Self.receive) == .init(head: 1, byteCount: 1))
  }

  @Test func `a chain of all of memory, many times over, is sent piece by piece`() throws {
    let endpoint = FakeConsoleEndpoint(room: 100_000)
    let fixture = try makeFixture(endpoint)
    try fixture.start()
    let whole = UInt32(Fixture.memoryByteCount)
    try fixture.queues[1].describeChain(
      0, readable: (0..<16).map { _ in (0, whole) }, writable: [])
    try fixture.queues[1].offer(0)
    fixture.driver.kick(1)
    #expect(eventually { endpoint.written.count == 100_000 })
    // The thread waits for room, and is there for others.
    fixture.thread.run {}
    #expect(try fixture.takeUsedAtOnce(Self.transmit) == nil)
    #expect(!fixture.needsReset)
  }

  @Test func `a chain outside of memory stops the queue, and a reset starts it again`() throws {
    let endpoint = FakeConsoleEndpoint()
    let fixture = try makeFixture(endpoint)
    try fixture.start()
    try fixture.queues[1].describe(0, Fixture.memoryByteCount, 1, 0)
    try fixture.queues[1].offer(0)
    fixture.driver.kick(1)
    #expect(eventually { fixture.needsReset })
    try fixture.start()
    #expect(!fixture.needsReset)
    try fixture.offer(Self.transmit, readable: Array("again".utf8))
    #expect(try fixture.takeUsed(Self.transmit) != nil)
    #expect(endpoint.written == Array("again".utf8))
  }

  @Test func `a reset while a chain waits for room forgets the chain`() throws {
    let endpoint = FakeConsoleEndpoint(room: 1)
    let fixture = try makeFixture(endpoint)
    try fixture.start()
    try fixture.offer(Self.transmit, readable: Array("abc".utf8))
    #expect(eventually { endpoint.written == Array("a".utf8) })
    try fixture.start()
    endpoint.allow(.max)
    fixture.device.endpointHasRoom()
    #expect(try fixture.takeUsedAtOnce(Self.transmit) == nil)
    try fixture.offer(Self.transmit, readable: Array("Z".utf8))
    #expect(try fixture.takeUsed(Self.transmit) != nil)
    #expect(endpoint.written == Array("aZ".utf8))
  }
}
