import HostSystem
import Hypervisor
import TestSupport
import Testing
import VextProtocol

extension VextTests {
  /// What a driver must not do: its queue stops and says why, and nothing else notices.
  @Suite struct HostileTests {
    private typealias Fixture = VextFixture

    /// One way to break the protocol.
    struct Attack: CustomTestStringConvertible, Sendable {
      let testDescription: String
      let error: VextQueueError
      /// Puts something malformed where the next entry is expected.
      let run: @Sendable (VextFixture) throws -> Void
    }

    /// An entry that starts as a good read of one block into ``VextFixture/data``, and is then spoilt.
    private static func entry(
      _ name: String, _ error: VextQueueError, operation: VextOperation = .read,
      _ spoil: @escaping @Sendable (inout VextSubmissionEntry) -> Void
    ) -> Attack {
      Attack(testDescription: name, error: error) { fixture in
        var entry = VextFixture.entry(operation, id: 5)
        spoil(&entry)
        fixture.driver.push(entry)
      }
    }

    /// An entry without segments.
    private static func bare(
      _ name: String, _ error: VextQueueError, _ operation: VextOperation,
      _ spoil: @escaping @Sendable (inout VextSubmissionEntry) -> Void
    ) -> Attack {
      entry(name, error, operation: operation) { entry in
        entry.segment0 = VextSegment()
        spoil(&entry)
      }
    }

    /// A read with a segment list.
    private static func list(
      _ name: String, _ error: VextQueueError, _ segments: [VextSegment],
      _ spoil: @escaping @Sendable (inout VextSubmissionEntry) -> Void = { _ in }
    ) -> Attack {
      Attack(testDescription: name, error: error) { fixture in
        var entry = VextSubmissionEntry(
          operation: VextOperation.read.rawValue, flags: .segmentList, id: 5,
          segment0: try fixture.writeList(segments))
        spoil(&entry)
        fixture.driver.push(entry)
      }
    }

    private static func segment(_ address: UInt64, _ byteCount: UInt32 = 512) -> VextSegment {
      VextSegment(address: GuestAddress(address), byteCount: byteCount)
    }

    /// Phase garbage: the next slot carries `lap`.
    private static func lap(_ lap: UInt64) -> Attack {
      Attack(testDescription: "lap \(lap) on lap 1", error: .badLap) { fixture in
        let driver = fixture.driver
        let slot = driver.submissionRing + UInt64(VextTests.HostileTests.slot) * 64
        try fixture.memory.store(lap << 32 | 1, at: GuestAddress(slot))
      }
    }

    private static let good = segment(VextFixture.data)
    private static let end = VextFixture.memoryByteCount
    private static let diskEnd = UInt64(VextFixture.diskByteCount)
    /// The slot that the malformed entry comes in.
    fileprivate static let slot = 3

    static let attacks: [Attack] = [
      lap(2), lap(7), lap(0xFFFF_FFFF),
      entry("operation 0", .badOperation) { $0.operation = 0 },
      entry("operation 7", .badOperation) { $0.operation = 7 },
      entry("operation 255", .badOperation) { $0.operation = 255 },
      entry("an unknown flag", .reservedNotZero) { $0.flags = VextSubmissionFlags(rawValue: 2) },
      entry("the last word is set", .reservedNotZero) { $0.reserved = 1 },
      entry("segment 0's reserved field is set", .reservedNotZero) { $0.segment0.reserved = 1 },
      entry("segment 1's reserved field is set", .reservedNotZero) { $0.segment1.reserved = 1 << 31 },
      entry("a read with a length", .reservedNotZero) { $0.length = 512 },
      entry("an unused segment with an address", .reservedNotZero) {
        $0.segment1.address = GuestAddress(4096)
      },
      entry("the id is the depth", .idOutOfRange) { $0.id = 16 },
      entry("the id is FFFFh", .idOutOfRange) { $0.id = 0xFFFF },
      entry("the offset is not a multiple of the block", .misaligned) { $0.offset = 1 },
      entry("the offset is 2^64 - 1", .misaligned) { $0.offset = .max },
      entry("a segment's address is not a multiple of the block", .misaligned) {
        $0.segment0 = segment(0x10_0008)
      },
      entry("a segment's length is not a multiple of the block", .misaligned) { $0.segment0.byteCount = 513 },
      entry("the second segment is misaligned", .misaligned) { $0.segment1 = segment(0x10_0001) },
      entry("the offset is the end of the disk", .rangeOutsideDisk) { $0.offset = diskEnd },
      entry("the transfer passes the end of the disk", .rangeOutsideDisk) {
        $0.offset = diskEnd - 512
        $0.segment0.byteCount = 1024
      },
      entry("the range wraps around 2^64", .rangeOutsideDisk) { $0.offset = 0 &- 512 },
      entry("a write past the end", .rangeOutsideDisk, operation: .write) { $0.offset = diskEnd },
      entry("a segment behind RAM", .segmentOutsideMemory) { $0.segment0 = segment(end) },
      entry("a segment that passes the end of RAM", .segmentOutsideMemory) {
        $0.segment0 = segment(end - 512, 1024)
      },
      entry("a segment that wraps around 2^64", .segmentOutsideMemory) {
        $0.segment0 = segment(0 &- 512, 1024)
      },
      entry("a segment in the PCI hole", .segmentOutsideMemory) {
        $0.segment0 = segment(GuestMemory.pciHoleStart)
      },
      entry("the second segment is outside RAM", .segmentOutsideMemory) { $0.segment1 = segment(1 << 62) },
      entry("a write from outside RAM", .segmentOutsideMemory, operation: .write) {
        $0.segment0 = segment(end)
      },
      entry("a read of nothing", .badTransferLength) { $0.segment0 = VextSegment() },
      entry("a read of nothing into segment 0", .badTransferLength) {
        $0.segment0.byteCount = 0
        $0.segment1 = good
      },
      list("more than 16 MiB", .badTransferLength, [VextSegment](repeating: segment(0, 1 << 20), count: 17)),
      list("a list without an entry", .badSegmentList, []) { $0.segment0 = segment(VextFixture.list, 0) },
      list("a list of 257 entries", .badSegmentList, [VextSegment](repeating: good, count: 257)),
      list("a list of one and a half entries", .badSegmentList, [good]) { $0.segment0.byteCount = 24 },
      list("a list of almost 4 GiB", .badSegmentList, [good]) { $0.segment0.byteCount = 0xFFFF_FFF0 },
      list("a list and a second segment", .badSegmentList, [good]) { $0.segment1 = good },
      list("a list at an odd address", .misaligned, [good]) { $0.segment0.address = GuestAddress(0x8_0001) },
      list("a list behind RAM", .segmentOutsideMemory, [good]) { $0.segment0.address = GuestAddress(end) },
      list("a list that passes the end of RAM", .segmentOutsideMemory, [good]) {
        $0.segment0 = segment(end - 16, 32)
      },
      list("a list that wraps around 2^64", .segmentOutsideMemory, [good]) {
        $0.segment0 = segment(0 &- 16, 32)
      },
      list("a list with a segment outside RAM", .segmentOutsideMemory, [good, segment(end)]),
      list("a list with a misaligned segment", .misaligned, [good, segment(VextFixture.data + 4)]),
      list("a list with an empty segment", .badTransferLength, [good, segment(VextFixture.data, 0)]),
      list("a list that passes the end of the disk", .rangeOutsideDisk, [good, good]) {
        $0.offset = diskEnd - 512
      },
      Attack(testDescription: "a list with a reserved field set", error: .reservedNotZero) { fixture in
        var bad = good
        bad.reserved = 1
        let named = try fixture.writeList([good, bad])
        fixture.driver.push(
          VextSubmissionEntry(
            operation: VextOperation.write.rawValue, flags: .segmentList, id: 5, segment0: named))
      },
      entry("a flush with a segment", .reservedNotZero, operation: .flush) { _ in },
      bare("a flush with an offset", .reservedNotZero, .flush) { $0.offset = 512 },
      bare("a flush with a length", .reservedNotZero, .flush) { $0.length = 512 },
      bare("a flush with a segment list", .reservedNotZero, .flush) { $0.flags = .segmentList },
      entry("a discard with a segment", .reservedNotZero, operation: .discard) { $0.length = 512 },
      bare("a discard of nothing", .badTransferLength, .discard) { _ in },
      bare("a misaligned discard", .misaligned, .discard) { $0.length = 100 },
      bare("a discard past the end", .rangeOutsideDisk, .discard) { $0.length = diskEnd + 512 },
      bare("zeroes that wrap around 2^64", .rangeOutsideDisk, .writeZeroes) {
        $0.offset = 512
        $0.length = 0 &- 512
      },
      entry("an identity with an offset", .reservedNotZero, operation: .identify) { $0.offset = 512 },
      entry("an identity with a second segment", .reservedNotZero, operation: .identify) {
        $0.segment1 = good
      },
      entry("an identity into 19 bytes", .badTransferLength, operation: .identify) {
        $0.segment0.byteCount = 19
      },
      entry("an identity behind RAM", .segmentOutsideMemory, operation: .identify) {
        $0.segment0 = segment(end - 8, 20)
      },
    ]

    @Test(arguments: attacks)
    func `a malformed entry stops the queue, which says why and works again after a restart`(
      attack: Attack
    ) throws {
      let thread = try IOThread(name: "vext-test", cpus: nil, waiting: .polling, engine: .sync)
      defer { thread.stop() }
      let fixture = try Fixture(server: thread, queueCount: 2)
      let neighbour = try Fixture(server: thread)
      let driver = fixture.driver
      for _ in 0..<Self.slot { _ = try driver.perform(Fixture.entry(.read)) }
      try attack.run(fixture)
      #expect(driver.waitUntilStopped())
      #expect(driver.error == attack.error)
      #expect(driver.errorDetail == UInt64(Self.slot))
      #expect(try driver.poll() == nil)
      // Another queue of the device and another machine of the thread go on; this queue is silent.
      #expect(try fixture.readsWell(fixture.drivers[1]))
      #expect(try neighbour.readsWell(neighbour.driver))
      driver.push(Fixture.entry(.read, id: 2))
      #expect(try neighbour.readsWell(neighbour.driver))
      #expect(try driver.poll() == nil)
      try driver.restart()
      #expect(driver.state == .enabled)
      #expect(driver.error == VextQueueError.none)
      #expect(driver.errorDetail == 0)
      #expect(try fixture.readsWell(driver))
    }

    @Test(arguments: TestedEngines.asynchronous)
    func `an id that is in flight cannot be used again`(engine: BlockEngineKind) throws {
      let server = try SteppedQueueServer(engine: engine, polling: true, capacity: 64)
      let fixture = try Fixture(server: server)
      fixture.driver.push(Fixture.entry(.read, id: 5))
      fixture.driver.push(Fixture.entry(.read, id: 6))
      fixture.driver.push(Fixture.entry(.read, id: 5))
      fixture.driver.push(Fixture.entry(.read, id: 7))
      #expect(server.drain() == 2)
      #expect(fixture.driver.state == .stopped)
      #expect(fixture.driver.error == .idInFlight)
      #expect(fixture.driver.errorDetail == 2)
      // The two before it are still answered, the one behind it never is.
      server.serveAll()
      #expect(Set(try [0, 1].map { _ in try fixture.driver.poll()?.id }) == [5, 6])
      #expect(try fixture.driver.poll() == nil)
      try fixture.driver.restart()
      fixture.driver.push(Fixture.entry(.read, id: 5))
      server.serveAll()
      #expect(try fixture.driver.poll()?.status == 0)
    }

    @Test(arguments: TestedEngines.asynchronous)
    func `an id may be used again once it was answered`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        for _ in 0..<40 { #expect(try fixture.driver.perform(Fixture.entry(.read, id: 5)).id == 5) }
        #expect(fixture.driver.state == .enabled)
      }
    }

    @Test func `every error of an entry or a registration has an attack that reaches it`() {
      let reached = Set(Self.attacks.map(\.error)).union(RegistrationTests.attacks.map(\.error))
        .union([.idInFlight, .alreadyEnabled, .badWakeBlock])
      // AdaptiveTests name a bad wake block. Running out of memory is the host's doing, not the guest's.
      #expect(Set(VextQueueError.allCases).subtracting(reached) == [VextQueueError.none, .outOfResources])
    }
  }
}
