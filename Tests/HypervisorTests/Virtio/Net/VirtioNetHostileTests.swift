import Hypervisor
import SystemPackage
import Testing
import VextProtocol

/// Drivers that break the rules, and networks that break.
@Suite struct VirtioNetHostileTests {
  private typealias Feature = VirtioNetFixture.Feature

  @Test(arguments: [1, 11, 12, 25, 12 + 65_535 + 23] as [UInt32])
  func `a frame that is too short or too long is dropped and counted`(byteCount: UInt32) throws {
    let fixture = try VirtioNetFixture()
    try fixture.queues[1].describeChain(
      0, readable: [(VirtioNetFixture.buffer(1, 0), byteCount)], writable: [])
    if try fixture.queues[1].offer(0) { fixture.driver.kick(1) }
    #expect(try fixture.waitForUsed(1) == FakeVirtqueue.Used(head: 0, byteCount: 0))
    #expect(fixture.device.statistics == VirtioNetStatistics(sendDrops: 1))
    try fixture.offerTransmit(VirtioNetFixture.frame(60))
    #expect(fixture.peers[0].receive() == VirtioNetFixture.frame(60))
  }

  @Test func `the longest frame passes`() throws {
    let fixture = try VirtioNetFixture()
    let frame = VirtioNetFixture.frame(65_535)
    let base = VirtioNetFixture.buffer(1, 0)
    try fixture.memory.write([UInt8](repeating: 0, count: 12) + frame, at: GuestAddress(base))
    try fixture.queues[1].describeChain(0, readable: [(base, 12 + 65_535)], writable: [])
    if try fixture.queues[1].offer(0) { fixture.driver.kick(1) }
    #expect(fixture.peers[0].receive() == frame)
  }

  @Test func `a writable chain on the transmit queue is not sent`() throws {
    let fixture = try VirtioNetFixture()
    try fixture.queues[1].describeChain(0, readable: [], writable: [(VirtioNetFixture.buffer(1, 0), 2048)])
    if try fixture.queues[1].offer(0) { fixture.driver.kick(1) }
    #expect(try fixture.waitForUsed(1) == FakeVirtqueue.Used(head: 0, byteCount: 0))
    #expect(fixture.device.statistics.sendDrops == 1)
  }

  @Test(arguments: [0, Feature.mergeableBuffers])
  func `a receive buffer without room for a header comes back unused`(feature: UInt64) throws {
    let fixture = try VirtioNetFixture(features: Feature.version1 | feature)
    try fixture.offerReceive(0, byteCount: 11)
    try fixture.offerReceive(1, byteCount: 2048)
    fixture.peers[0].send(VirtioNetFixture.frame(60))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 0, byteCount: 0))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 1, byteCount: 72))
    #expect(fixture.device.statistics == VirtioNetStatistics(receivedFrames: 1, refusedBuffers: 1))
  }

  @Test
  func `a frame that does not fit a buffer which may not be merged is dropped, and the buffer used again`()
    throws
  {
    let fixture = try VirtioNetFixture(features: Feature.version1)
    try fixture.offerReceive(0, byteCount: 200)
    try fixture.offerReceive(1, byteCount: 2048)
    fixture.peers[0].send(VirtioNetFixture.frame(189))
    fixture.peers[0].send(VirtioNetFixture.frame(188))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 0, byteCount: 200))
    #expect(try fixture.received(200, head: 0).dropFirst(12) == VirtioNetFixture.frame(188)[...])
    #expect(fixture.device.statistics == VirtioNetStatistics(receivedFrames: 1, receiveDrops: 1))
  }

  @Test func `a driver that offers one buffer again and again gives up the frame, not the device`() throws {
    let fixture = try VirtioNetFixture(features: Feature.version1 | Feature.mergeableBuffers)
    fixture.peers[0].send(VirtioNetFixture.frame(65_000))
    try fixture.queues[0].describeChain(0, readable: [], writable: [(VirtioNetFixture.buffer(0, 0), 12)])
    // 1,024 chains of 12 bytes are no 65,000.
    for _ in 0..<256 where fixture.device.statistics.receiveDrops == 0 {
      if try fixture.queues[0].offer([0, 0, 0, 0, 0, 0, 0, 0]) { fixture.driver.kick(0) }
      // Between these two the queue is served.
      fixture.thread.run {}
      fixture.thread.run {}
    }
    #expect(fixture.device.statistics == VirtioNetStatistics(receiveDrops: 1))
    #expect(!fixture.needsReset)
    try fixture.start()
    try fixture.offerReceive(1, byteCount: 2048)
    fixture.peers[0].send(VirtioNetFixture.frame(60))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 1, byteCount: 72))
  }

  @Test(arguments: [0, 1, 2])
  func `a buffer outside of memory stops the queue, and a reset mends it`(queue: Int) throws {
    let fixture = try VirtioNetFixture()
    let outside: (UInt64, UInt32) = (64 << 20, 2048)
    try fixture.queues[queue].describeChain(
      0, readable: queue == 0 ? [] : [outside], writable: queue == 0 ? [outside] : [])
    if try fixture.queues[queue].offer(0) { fixture.driver.kick(queue) }
    #expect(try fixture.settledUsed(queue) == nil)
    #expect(fixture.needsReset)
    try fixture.start()
    #expect(!fixture.needsReset)
    try fixture.offerTransmit(VirtioNetFixture.frame(60))
    #expect(fixture.peers[0].receive() == VirtioNetFixture.frame(60))
  }

  @Test func `a runt of the network is dropped`() throws {
    let fixture = try VirtioNetFixture()
    try fixture.offerReceive(0, byteCount: 2048)
    fixture.peers[0].send([1, 2, 3])
    fixture.peers[0].send(VirtioNetFixture.frame(60))
    #expect(try fixture.waitForUsed(0) == FakeVirtqueue.Used(head: 0, byteCount: 72))
    #expect(fixture.device.statistics == VirtioNetStatistics(receivedFrames: 1, receiveDrops: 1))
  }

  @Test func `a network that ends takes the link down, and what the guest sends is dropped`() throws {
    let memory = try GuestMemory(byteCount: 1 << 20)
    let thread = try DeviceThread(name: "net-test")
    defer { thread.stop() }
    let recorder = VirtioEventRecorder()
    let device: VirtioNet
    do {
      let pair = try FramePort.socketPair()
      device = VirtioNet(
        ports: [pair.port], address: .guestDefault(index: 0), memory: memory, threads: [thread])
    }
    let function = try VirtioPCI(device: device, memory: memory, router: recorder)
    defer { function.shutDown() }
    // The PCI host does not own its buses.
    let (bus, portBus) = (AddressBus(), AddressBus())
    defer { withExtendedLifetime((bus, portBus)) {} }
    let lines = InterruptLineRecorder()
    let driver = try FakeVirtioDriver(
      of: function, bus: bus, portBus: portBus, recorder: recorder, lines: lines)
    try driver.negotiate(Feature.version1)
    var queues = try (0..<2).map {
      try FakeVirtqueue(memory: memory, base: 0x1_0000 * UInt64($0 + 1), size: 16, usesEventIndex: false)
    }
    for (index, queue) in queues.enumerated() { driver.enable(index, queue.layout) }
    driver.start()
    try queues[0].describeChain(0, readable: [], writable: [(0x4_0000, 2048)])
    if try queues[0].offer(0) { driver.kick(0) }
    #expect(recorder.waitForInterrupt(0))
    #expect(bus.read(driver.deviceBase + 6, byteCount: 2) == 0)
    try queues[1].describeChain(0, readable: [(0x5_0000, 100)], writable: [])
    if try queues[1].offer(0) { driver.kick(1) }
    #expect(recorder.waitForInterrupt(2))
    #expect(try queues[1].takeUsed() != nil)
    #expect(device.statistics.sendDrops == 1)
  }
}
