import Hypervisor
import Testing
import VextProtocol

/// The source of entropy, and a driver good or bad.
@Suite struct VirtioRandomTests {
  private typealias Fixture = DeviceThreadFixture<VirtioRandom>

  private func makeFixture() throws -> Fixture {
    let fixture = try Fixture { VirtioRandom(memory: $0, thread: $1) }
    try fixture.start()
    return fixture
  }

  @Test func `a buffer is filled with bytes that differ from the last ones`() throws {
    let fixture = try makeFixture()
    var seen: Set<[UInt8]> = []
    for _ in 0..<3 {
      try fixture.offer(0, writableByteCount: 300)
      #expect(try fixture.takeUsed(0) == .init(head: 0, byteCount: 300))
      seen.insert(try fixture.memory.read(300, at: GuestAddress(Fixture.buffers)))
      // Nothing beyond the buffer is touched.
      #expect(
        try fixture.memory.read(64, at: GuestAddress(Fixture.buffers + 300)) == .init(repeating: 0, count: 64)
      )
    }
    #expect(seen.count == 3)
    #expect(fixture.recorder.takeInterrupts(1) > 0)
  }

  @Test func `a huge buffer gets a part`() throws {
    let fixture = try makeFixture()
    try fixture.queues[0].describeChain(
      0, readable: [], writable: [(Fixture.buffers, 1 << 20), (Fixture.buffers, 1 << 20)])
    try fixture.queues[0].offer(0)
    fixture.driver.kick(0)
    #expect(try fixture.takeUsed(0) == .init(head: 0, byteCount: 1 << 16))
  }

  @Test func `a chain with no room is handed back empty`() throws {
    let fixture = try makeFixture()
    try fixture.offer(0, readable: [1, 2, 3])
    #expect(try fixture.takeUsed(0) == .init(head: 0, byteCount: 0))
    try fixture.offer(0, writableByteCount: 0)
    #expect(try fixture.takeUsed(0) == .init(head: 0, byteCount: 0))
    #expect(!fixture.needsReset)
  }

  @Test func `more requests than fit into a pass are all answered`() throws {
    let fixture = try makeFixture()
    for head: UInt16 in 0..<16 {
      try fixture.queues[0].describe(head, Fixture.buffers, 1 << 20, FakeVirtqueue.Flag.write)
    }
    try fixture.queues[0].offer(Array(0..<16))
    fixture.driver.kick(0)
    for head: UInt32 in 0..<16 {
      #expect(try fixture.takeUsed(0) == .init(head: head, byteCount: 1 << 16))
    }
  }

  @Test func `a malformed chain stops the queue`() throws {
    let fixture = try makeFixture()
    try fixture.queues[0].describe(0, .max, 16, FakeVirtqueue.Flag.write)
    try fixture.queues[0].offer(0)
    fixture.driver.kick(0)
    #expect(eventually { fixture.needsReset })
    try fixture.start()
    try fixture.offer(0, writableByteCount: 8)
    #expect(try fixture.takeUsed(0) == .init(head: 0, byteCount: 8))
  }
}
