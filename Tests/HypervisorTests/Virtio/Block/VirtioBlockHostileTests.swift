import Hypervisor
import TestSupport
import Testing
import VextProtocol

/// What a driver must not do: the queue stops, the device says so, and nothing else notices.
@Suite struct VirtioBlockHostileTests {
  private typealias Request = VirtioBlockFixture.Request
  private typealias Flag = FakeVirtqueue.Flag
  private typealias Fixture = VirtioBlockFixture

  /// One way to break the rules.
  struct Attack: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let error: VirtqueueError
    var features = VirtioBlockFixture.version1Feature | VirtioBlockFixture.indirectFeature
    /// Fills the queue in, and makes head 0 or another available.
    let run: @Sendable (VirtioBlockFixture) throws -> Void
  }

  /// A descriptor chain that is available at head 0.
  private static func chain(
    _ name: String, _ error: VirtqueueError, features: UInt64 = 1 << 32 | 1 << 28,
    _ describe: @escaping @Sendable (FakeVirtqueue) throws -> Void
  ) -> Attack {
    Attack(testDescription: name, error: error, features: features) { fixture in
      try describe(fixture.queues[0])
      try fixture.queues[0].offer(0)
    }
  }

  private static let end = VirtioBlockFixture.memoryByteCount
  private static let table = VirtioBlockFixture.indirectTable

  static let attacks: [Attack] = [
    Attack(
      testDescription: "the available index jumps", error: .availableIndexJump(from: 0, to: 17),
      run: { try $0.queues[0].setAvailableIndex(17) }),
    Attack(
      testDescription: "the available index goes back", error: .availableIndexJump(from: 0, to: 0xFFFF),
      run: { try $0.queues[0].setAvailableIndex(0xFFFF) }),
    Attack(
      testDescription: "the head is no descriptor", error: .headOutOfRange(16),
      run: { try $0.queues[0].offer(16) }),
    Attack(
      testDescription: "the head is FFFFh", error: .headOutOfRange(0xFFFF),
      run: { try $0.queues[0].offer(0xFFFF) }),
    chain("a descriptor goes on at itself", .chainTooLong) { queue in
      try queue.describe(0, VirtioBlockFixture.header, 16, Flag.next, next: 0)
    },
    chain("two descriptors go on at each other", .chainTooLong) { queue in
      try queue.describe(0, VirtioBlockFixture.header, 16, Flag.next, next: 1)
      try queue.describe(1, VirtioBlockFixture.header, 16, Flag.next, next: 0)
    },
    chain("empty descriptors loop", .chainTooLong) { queue in
      try queue.describe(0, 0, 0, Flag.next, next: 0)
    },
    chain("the next descriptor does not exist", .nextOutOfRange(16)) { queue in
      try queue.describe(0, VirtioBlockFixture.header, 16, Flag.next, next: 16)
    },
    chain("a buffer starts behind RAM", .outsideMemory(GuestAddress(end), byteCount: 16)) { queue in
      try queue.describeChain(0, readable: [(end, 16)], writable: [(VirtioBlockFixture.status, 1)])
    },
    chain("a buffer passes the end of RAM", .outsideMemory(GuestAddress(end - 511), byteCount: 512)) {
      queue in
      try queue.describeChain(
        0, readable: [(VirtioBlockFixture.header, 16)],
        writable: [(end - 511, 512), (VirtioBlockFixture.status, 1)])
    },
    chain("a buffer wraps around 2^64", .outsideMemory(GuestAddress(UInt64.max - 7), byteCount: 16)) {
      queue in
      try queue.describeChain(0, readable: [(UInt64.max - 7, 16)], writable: [(VirtioBlockFixture.status, 1)])
    },
    chain("a buffer of 4 GiB", .outsideMemory(GuestAddress(0), byteCount: .max)) { queue in
      try queue.describeChain(0, readable: [(0, .max)], writable: [(VirtioBlockFixture.status, 1)])
    },
    chain("a readable buffer follows a writable one", .readableAfterWritable) { queue in
      try queue.describe(0, VirtioBlockFixture.status, 1, Flag.write | Flag.next, next: 1)
      try queue.describe(1, VirtioBlockFixture.header, 16, 0)
    },
    chain("nothing can be written", .noRoomForStatus) { queue in
      try queue.describe(0, VirtioBlockFixture.header, 16, 0)
    },
    chain("the chain is empty", .noRoomForStatus) { queue in try queue.describe(0, 0, 0, Flag.write) },
    chain("indirect without the feature", .indirectNotNegotiated, features: 1 << 32) { queue in
      try queue.describe(0, table, 32, Flag.indirect)
    },
    chain("indirect and next", .indirectWithNext) { queue in
      try queue.describe(0, table, 32, Flag.indirect | Flag.next, next: 1)
    },
    chain("an indirect table of no length", .invalidIndirectLength(0)) { queue in
      try queue.describe(0, table, 0, Flag.indirect)
    },
    chain("an indirect table of half a descriptor", .invalidIndirectLength(24)) { queue in
      try queue.describe(0, table, 24, Flag.indirect)
    },
    chain("an indirect table behind RAM", .outsideMemory(GuestAddress(end - 16), byteCount: 32)) { queue in
      try queue.describe(0, end - 16, 32, Flag.indirect)
    },
    chain("an indirect table in an indirect table", .nestedIndirect) { queue in
      try queue.describe(0, table, 32, Flag.indirect)
      try queue.describe(0, table, 32, Flag.indirect, table: GuestAddress(table))
    },
    chain("an indirect table that loops", .chainTooLong) { queue in
      try queue.describe(0, table, 32, Flag.indirect)
      try queue.describe(0, VirtioBlockFixture.header, 16, Flag.next, next: 1, table: GuestAddress(table))
      try queue.describe(1, VirtioBlockFixture.header, 16, Flag.next, next: 0, table: GuestAddress(table))
    },
    chain("an indirect table that is left", .nextOutOfRange(2)) { queue in
      try queue.describe(0, table, 32, Flag.indirect)
      try queue.describe(0, VirtioBlockFixture.header, 16, Flag.next, next: 2, table: GuestAddress(table))
    },
    chain("an indirect table with more descriptors than a queue", .chainTooLong) { queue in
      try queue.describe(0, 0x40_0000, 257 * 16, Flag.indirect)
      try queue.describeChain(
        0, readable: [(UInt64, UInt32)](repeating: (VirtioBlockFixture.header, 16), count: 256),
        writable: [(VirtioBlockFixture.status, 1)], table: GuestAddress(0x40_0000))
    },
  ]

  @Test(arguments: attacks)
  func `a broken rule stops the queue and asks for a reset`(attack: Attack) throws {
    let fixture = try Fixture(queueCount: 2, features: attack.features)
    try attack.run(fixture)
    fixture.serveAll()
    #expect(fixture.needsReset)
    #expect(fixture.function.failure == attack.error)
    #expect(fixture.recorder.takeInterrupts(0) == 1)
    #expect(try fixture.queues[0].deviceIndex() == 0)
    // The other queue goes on, this one stays silent, and the server may sleep.
    #expect(try fixture.request(Request.in, inByteCount: 512, queue: 1)?.status == 0)
    #expect(try fixture.request(Request.in, inByteCount: 512, queue: 0) == nil)
    #expect(fixture.servers[0].prepareToSleep())
    // After a reset all is well.
    try fixture.start()
    #expect(!fixture.needsReset)
    #expect(try fixture.request(Request.in, inByteCount: 512, queue: 0)?.status == 0)
  }

  @Test(arguments: TestedEngines.asynchronous)
  func `a head that the engine has cannot be made available again`(engine: BlockEngineKind) throws {
    let fixture = try Fixture(engine: engine)
    try fixture.writeHeader(Request.in, sector: 0)
    try fixture.queues[0].describeChain(
      0, readable: [(Fixture.header, 16)], writable: [(Fixture.data, 512), (Fixture.status, 1)])
    try fixture.queues[0].offer([0, 0])
    #expect(fixture.servers[0].drain() == 2)
    #expect(fixture.needsReset)
    #expect(fixture.function.failure == .headInFlight(0))
    // The first of the two is still answered.
    fixture.serveAll()
    #expect(try fixture.queues[0].deviceIndex() == 1)
    fixture.driver.setStatus(0)
    #expect(fixture.servers[0].inFlight == 0)
  }

  @Test func `requests before the broken one are answered`() throws {
    let fixture = try Fixture()
    try fixture.writeHeader(Request.flush, sector: 0)
    try fixture.queues[0].describeChain(0, readable: [(Fixture.header, 16)], writable: [(Fixture.status, 1)])
    try fixture.queues[0].offer([0, 0, 99])
    fixture.serveAll()
    #expect(fixture.function.failure == .headOutOfRange(99))
    #expect(try fixture.queues[0].deviceIndex() == 2)
    #expect(fixture.recorder.takeInterrupts(1) == 1)
  }

  @Test func `buffers that lie in the queue's own rings are survived`() throws {
    let fixture = try Fixture()
    try fixture.writeHeader(Request.in, sector: 0)
    // The device's data go over the descriptors, the available ring and the used ring.
    try fixture.queues[0].describeChain(
      0, readable: [(Fixture.header, 16)], writable: [(0x1_0000, 0x8000), (Fixture.status, 1)])
    try fixture.queues[0].offer(0)
    fixture.serveAll()
    try fixture.start()
    #expect(try fixture.request(Request.in, inByteCount: 512)?.status == 0)
  }
}
