import HostSystem
import Hypervisor
import TestSupport
import Testing
import VextProtocol

/// Random descriptor tables: the queue answers or stops, and the process goes on.
@Suite struct VirtioBlockFuzzTests {
  private static let queueSize: UInt16 = 8

  private static func address(_ random: inout SplitMix64, hitsRings: Bool) -> UInt64 {
    switch random.next() % 10 {
    case 0: random.next()
    case 1: UInt64.max - random.next() % 4096
    case 2: VirtioBlockFixture.memoryByteCount - random.next() % 1024
    case 3: VirtioBlockFixture.header + random.next() % 64
    case 4: hitsRings ? 0x1_0000 + random.next() % 0x9000 : VirtioBlockFixture.data
    case 5: VirtioBlockFixture.indirectTable + random.next() % 2 * 16
    default: VirtioBlockFixture.data + random.next() % 0x1_0000
    }
  }

  private static func length(_ random: inout SplitMix64) -> UInt32 {
    let usual: [UInt32] = [0, 1, 8, 15, 16, 17, 20, 32, 48, 511, 512, 513, 528, 1024, 4096, .max]
    return random.next() % 16 == 0
      ? UInt32(truncatingIfNeeded: random.next()) : usual[Int(random.next() % UInt64(usual.count))]
  }

  private static func fill(
    _ fixture: VirtioBlockFixture, _ random: inout SplitMix64, table: GuestAddress?, hitsRings: Bool
  ) throws {
    for index in 0..<queueSize {
      // Every other descriptor writes, goes on or is indirect at random; most chains end soon.
      let flags = UInt16(truncatingIfNeeded: random.next() % 16 == 0 ? random.next() : random.next() & 3)
      let isIndirect = random.next() % 8 == 0
      try fixture.queues[0].describe(
        index, address(&random, hitsRings: hitsRings), length(&random), isIndirect ? 4 : flags,
        next: UInt16(truncatingIfNeeded: random.next() % 9), table: table)
    }
  }

  /// A chain that is right but for its last descriptors: what pure noise hardly ever is.
  private static func fillSensibly(_ fixture: VirtioBlockFixture, _ random: inout SplitMix64) throws {
    let types: [UInt32] = [0, 1, 4, 8, 11, 13, 99]
    try fixture.writeHeader(types[Int(random.next() % 7)], sector: random.next() % 3000)
    try fixture.memory.write(
      VirtioBlockFixture.range(
        sector: random.next() % 3000, sectorCount: UInt32(random.next() % 64),
        flags: UInt32(random.next() % 3)),
      at: GuestAddress(VirtioBlockFixture.data))
    let buffer = (VirtioBlockFixture.data, length(&random))
    let isOut = Bool.random(using: &random)
    try fixture.queues[0].describeChain(
      0, readable: [(VirtioBlockFixture.header, 16)] + (isOut ? [buffer] : []),
      writable: (isOut ? [] : [buffer]) + [(VirtioBlockFixture.status, 1)])
  }

  @Test(arguments: TestedEngines.all.map { ($0, $0 == .sync ? 20_000 : 5_000) })
  func `each of many random tables is answered or stops the queue`(
    engine: BlockEngineKind, tableCount: Int
  ) throws {
    let fixture = try VirtioBlockFixture(engine: engine, queueSize: Self.queueSize)
    var random = SplitMix64(seed: 0xF022)
    var answered = 0
    var stopped = 0
    for turn in 0..<tableCount {
      if turn % 4 == 0 {
        try Self.fillSensibly(fixture, &random)
      } else {
        try Self.fill(fixture, &random, table: nil, hitsRings: false)
        try Self.fill(
          fixture, &random, table: GuestAddress(VirtioBlockFixture.indirectTable), hitsRings: false)
      }
      let before = try fixture.queues[0].deviceIndex()
      try fixture.queues[0].offer(random.next() % 64 == 0 ? 8 : 0)
      fixture.serveAll()
      let count = try fixture.queues[0].deviceIndex() &- before
      if fixture.needsReset {
        guard count == 0, fixture.function.failure != nil else {
          Issue.record("table \(turn) stopped the queue and was answered \(count) times")
          return
        }
        stopped += 1
        try fixture.start()
      } else {
        guard count == 1 else {
          Issue.record("table \(turn) was answered \(count) times")
          return
        }
        answered += 1
      }
    }
    // Neither all noise nor all well-behaved.
    #expect(answered > tableCount / 10)
    #expect(stopped > tableCount / 10)
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
  }

  @Test func `tables and rings that the device itself overwrites are survived`() throws {
    let fixture = try VirtioBlockFixture(engine: .sync, queueSize: Self.queueSize)
    var random = SplitMix64(seed: 0xD00D)
    for turn in 0..<5_000 {
      try Self.fill(fixture, &random, table: nil, hitsRings: true)
      try Self.fill(fixture, &random, table: GuestAddress(VirtioBlockFixture.indirectTable), hitsRings: true)
      try fixture.queues[0].offer([0, 1, 2, UInt16(random.next() % 8)])
      // No confirming: rings that say something else after each answer may keep a server busy for ever.
      for _ in 0..<3 {
        fixture.servers[0].drain()
        fixture.servers[0].reap()
      }
      if turn % 8 == 7 || fixture.needsReset { try fixture.start() }
    }
    try fixture.start()
    #expect(try fixture.request(VirtioBlockFixture.Request.flush)?.status == 0)
  }
}
