import Hypervisor
import TestSupport
import Testing
import VextProtocol

/// When the queue hears of requests, when the driver hears of answers, and resets in the middle.
@Suite struct VirtioBlockServiceTests {
  private typealias Request = VirtioBlockFixture.Request

  /// Writes `count` IN requests of one sector, each of three descriptors; returns the heads.
  private static func prepare(_ fixture: VirtioBlockFixture, _ count: Int) throws -> [UInt16] {
    try (0..<count).map { index in
      let header = VirtioBlockFixture.header + UInt64(index) * 32
      try fixture.writeHeader(Request.in, sector: UInt64(index), at: header)
      try fixture.queues[0].describeChain(
        UInt16(index * 3), readable: [(header, 16)],
        writable: [(VirtioBlockFixture.data + UInt64(index) * 512, 512), (VirtioBlockFixture.status, 1)])
      return UInt16(index * 3)
    }
  }

  @Test(arguments: TestedEngines.all, [false, true])
  func `a pass over many requests publishes once and raises one interrupt`(
    engine: BlockEngineKind, eventIndex: Bool
  ) throws {
    let features =
      VirtioBlockFixture.version1Feature | (eventIndex ? VirtioBlockFixture.eventIndexFeature : 0)
    let fixture = try VirtioBlockFixture(engine: engine, queueSize: 32, features: features)
    try fixture.queues[0].offer(try Self.prepare(fixture, 10))
    #expect(fixture.servers[0].drain() == 10)
    #expect(try fixture.queues[0].deviceIndex() == 0)
    while try fixture.queues[0].deviceIndex() != 10 { fixture.servers[0].serveAll() }
    let interrupts = fixture.recorder.takeInterrupts(1)
    #expect(TestedEngines.asynchronous.contains(engine) ? (1...10).contains(interrupts) : interrupts == 1)
  }

  @Test func `the driver that asks for no interrupt gets none`() throws {
    let fixture = try VirtioBlockFixture(features: VirtioBlockFixture.version1Feature)
    try fixture.queues[0].setNoInterrupt(true)
    #expect(try fixture.request(Request.flush)?.status == 0)
    #expect(fixture.recorder.takeInterrupts(1) == 0)
    try fixture.queues[0].setNoInterrupt(false)
    #expect(try fixture.request(Request.flush)?.status == 0)
    #expect(fixture.recorder.takeInterrupts(1) == 1)
  }

  @Test func `the interrupt comes when the used event is passed`() throws {
    let fixture = try VirtioBlockFixture()
    try fixture.queues[0].setUsedEvent(2)
    for expected in [0, 0, 1, 0] as [UInt64] {
      #expect(try fixture.request(Request.flush)?.status == 0)
      #expect(fixture.recorder.takeInterrupts(1) == expected)
    }
  }

  @Test func `an interrupt without a vector shows in the ISR byte`() throws {
    let fixture = try VirtioBlockFixture()
    fixture.driver.write(FakeVirtioDriver.Common.queueSelect, byteCount: 2, 0)
    fixture.driver.write(FakeVirtioDriver.Common.queueVector, byteCount: 2, 0xFFFF)
    #expect(try fixture.request(Request.flush)?.status == 0)
    #expect(fixture.recorder.takeInterrupts(1) == 0)
    #expect(fixture.driver.bus.read(fixture.driver.isrBase, byteCount: 1) == 1)
  }

  @Test(arguments: [1 << 32, 1 << 32 | 1 << 29] as [UInt64])
  func `under a polling server the driver never notifies`(features: UInt64) throws {
    let fixture = try VirtioBlockFixture(engine: .null, polling: true, features: features)
    try fixture.queues[0].describeChain(
      0, readable: [(VirtioBlockFixture.header, 16)], writable: [(VirtioBlockFixture.status, 1)])
    try fixture.writeHeader(Request.flush, sector: 0)
    var notifications = 0
    for turn in 0..<70_000 {
      if try fixture.queues[0].offer(0) { notifications += 1 }
      fixture.servers[0].serveAll()
      guard try fixture.queues[0].takeUsed() != nil else {
        Issue.record("request \(turn) was not answered")
        return
      }
    }
    #expect(notifications == 0)
  }

  @Test(arguments: [1 << 32, 1 << 32 | 1 << 29] as [UInt64])
  func `a driver notifies a server that sleeps, and not one that works`(features: UInt64) throws {
    let fixture = try VirtioBlockFixture(queueSize: 32, features: features)
    let heads = try Self.prepare(fixture, 4)
    let event = try #require(fixture.recorder.notification(at: fixture.driver.notifyAddress(0)))
    #expect(fixture.servers[0].prepareToSleep())
    #expect(try fixture.queues[0].offer(heads[0]))
    fixture.driver.kick(0)
    fixture.serveAll()
    #expect(try !fixture.queues[0].offer(heads[1]))
    #expect(!fixture.servers[0].prepareToSleep())
    #expect(VirtioEventRecorder.take(event) == 0)
    fixture.serveAll()
    #expect(fixture.servers[0].prepareToSleep())
    #expect(try fixture.queues[0].offer([heads[2], heads[3]]))
    fixture.serveAll()
    #expect(try fixture.queues[0].deviceIndex() == 4)
  }

  @Test func `a server takes a bounded number at a time and comes back for the rest`() throws {
    let fixture = try VirtioBlockFixture(engine: .null, queueSize: 256)
    let heads = try Self.prepare(fixture, 80)
    try fixture.queues[0].offer(heads)
    #expect(fixture.servers[0].drain() == 64)
    #expect(!fixture.servers[0].prepareToSleep())
    #expect(fixture.servers[0].drain() == 16)
    fixture.serveAll()
    #expect(try fixture.queues[0].deviceIndex() == 80)
  }

  @Test(arguments: TestedEngines.asynchronous)
  func `an engine without room leaves requests in the ring`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine, queueSize: 32, engineCapacity: 2)
    try fixture.queues[0].offer(try Self.prepare(fixture, 5))
    #expect(fixture.servers[0].drain() == 2)
    #expect(fixture.servers[0].drain() == 0)
    fixture.serveAll()
    #expect(try fixture.queues[0].deviceIndex() == 5)
    #expect(!fixture.needsReset)
  }

  @Test(arguments: TestedEngines.asynchronous)
  func `a reset waits for the requests in flight and leaves the device usable`(engine: BlockEngineKind) throws
  {
    let fixture = try VirtioBlockFixture(engine: engine, queueSize: 32)
    for _ in 0..<20 {
      try fixture.queues[0].offer(try Self.prepare(fixture, 8))
      #expect(fixture.servers[0].drain() == 8)
      #expect(fixture.servers[0].inFlight == 8)
      fixture.driver.setStatus(0)
      #expect(fixture.driver.status == 0)
      #expect(fixture.servers[0].inFlight == 0)
      #expect(fixture.servers[0].attachedCount == 0)
      #expect(
        try fixture.memory.read(512, at: GuestAddress(VirtioBlockFixture.data + 512))
          == VirtioTemporaryDisk.pattern(512, 512))
      try fixture.start()
      let answer = try fixture.request(Request.in, sector: 1, inByteCount: 512)
      #expect(answer?.data == VirtioTemporaryDisk.pattern(512, 512))
    }
  }

  @Test func `requests that wait while the device is reset are not served afterwards`() throws {
    let fixture = try VirtioBlockFixture(queueSize: 32)
    try fixture.queues[0].offer(try Self.prepare(fixture, 3))
    fixture.driver.setStatus(0)
    fixture.serveAll()
    #expect(try fixture.queues[0].deviceIndex() == 0)
  }
}
