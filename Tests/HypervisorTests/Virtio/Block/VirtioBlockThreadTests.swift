import HostSystem
import Hypervisor
import Testing
import VextProtocol

/// A real I/O thread at the other end: a lost notification or interrupt stalls these.
@Suite(.serialized) struct VirtioBlockThreadTests {
  private static let slotCount = 4

  /// Each of four heads is a read of one sector, into a buffer of its own.
  private static func prepare(_ fixture: VirtioBlockFixture) throws {
    for slot in 0..<UInt64(slotCount) {
      let header = VirtioBlockFixture.header + slot * 32
      try fixture.writeHeader(VirtioBlockFixture.Request.in, sector: slot, at: header)
      try fixture.queues[0].describeChain(
        UInt16(slot) * 3, readable: [(header, 16)],
        writable: [(VirtioBlockFixture.data + slot * 512, 512), (VirtioBlockFixture.status + slot, 1)])
    }
  }

  /// Takes `count` answers, and halts while there is none. Returns false after ten silent seconds.
  private static func takeAnswers(_ fixture: VirtioBlockFixture, _ count: Int) throws -> Bool {
    var left = count
    while left > 0 {
      if try fixture.queues[0].takeUsed() != nil {
        left -= 1
      } else if try fixture.queues[0].requestInterrupt() {
        guard fixture.recorder.waitForInterrupt(1) else { return false }
      }
    }
    return true
  }

  @Test(arguments: TestedEngines.all, [IOThread.Waiting.events, .polling])
  func `a driver that sleeps and a thread that sleeps keep each other awake`(
    engine: BlockEngineKind, waiting: IOThread.Waiting
  ) throws {
    let thread = try IOThread(
      name: "virtio-test", cpus: nil, waiting: waiting, engine: engine, engineCapacity: 64)
    defer { thread.stop() }
    let fixture = try VirtioBlockFixture(thread: thread)
    defer { fixture.function.shutDown() }
    try Self.prepare(fixture)
    var random = SplitMix64(seed: 3)
    var notifications = 0
    for turn in 0..<3_000 {
      let heads = (0...UInt16(random.next() % UInt64(Self.slotCount))).map { $0 * 3 }
      if try fixture.queues[0].offer(heads) {
        notifications += 1
        fixture.driver.kick(0)
      }
      guard try Self.takeAnswers(fixture, heads.count) else {
        Issue.record("turn \(turn) was not answered")
        return
      }
    }
    #expect(waiting == .polling ? notifications == 0 : notifications > 0)
    if engine != .null {
      #expect(
        try fixture.memory.read(2048, at: GuestAddress(VirtioBlockFixture.data))
          == VirtioTemporaryDisk.pattern(0, 2048))
    }
  }

  @Test(arguments: [IOThread.Waiting.events, .polling], TestedEngines.asynchronous)
  func `resets while the thread works lose nothing that comes later`(
    waiting: IOThread.Waiting, engine: BlockEngineKind
  ) throws {
    let thread = try IOThread(
      name: "virtio-test", cpus: nil, waiting: waiting, engine: engine, engineCapacity: 64)
    defer { thread.stop() }
    let fixture = try VirtioBlockFixture(thread: thread)
    defer { fixture.function.shutDown() }
    for turn in 0..<200 {
      try Self.prepare(fixture)
      if try fixture.queues[0].offer([0, 3, 6, 9]) { fixture.driver.kick(0) }
      if turn % 2 == 0 {
        guard try Self.takeAnswers(fixture, 4) else {
          Issue.record("turn \(turn) was not answered")
          return
        }
      }
      try fixture.start()
      #expect(!fixture.needsReset)
    }
  }
}
