import HostSystem
import Hypervisor
import TestSupport
import Testing
import VextProtocol

extension VextTests {
  /// Random entries and register accesses from a seed: each is answered or stops its queue, and none traps.
  @Suite struct FuzzTests {
    private typealias Fixture = VextFixture

    /// A value of the kind that bounds checks get wrong.
    private static func edge(_ generator: inout SplitMix64) -> UInt64 {
      let edges: [UInt64] = [
        0, 1, 511, 512, Fixture.memoryByteCount, Fixture.memoryByteCount - 512, UInt64(Fixture.diskByteCount),
        UInt64(Fixture.diskByteCount) - 512, 1 << 31, 1 << 32, 1 << 63, 0 &- 512, .max, 0xFFFF_FFFF, 16 << 20,
      ]
      return edges.randomElement(using: &generator).map {
        $0 &+ UInt64.random(in: 0...1, using: &generator) * 512
      } ?? 0
    }

    private static func segment(_ generator: inout SplitMix64) -> VextSegment {
      VextSegment(
        address: GuestAddress(Fixture.data + UInt64.random(in: 0..<0x1000, using: &generator) * 512),
        byteCount: UInt32.random(in: 1...16, using: &generator) * 512)
    }

    /// A good entry.
    private static func entry(_ id: UInt16, _ fixture: VextFixture, _ generator: inout SplitMix64) throws
      -> VextSubmissionEntry
    {
      let operations: [VextOperation] = [
        .read, .read, .write, .write, .flush, .discard, .writeZeroes, .identify,
      ]
      let operation = operations.randomElement(using: &generator) ?? .read
      let offset = UInt64.random(in: 0..<1024, using: &generator) * 512
      switch operation {
      case .read, .write:
        var entry = VextSubmissionEntry(
          operation: operation.rawValue, id: id, offset: offset, segment0: segment(&generator))
        if Bool.random(using: &generator) { entry.segment1 = segment(&generator) }
        if UInt8.random(in: 0..<4, using: &generator) == 0 {
          let count = Int.random(in: 1...8, using: &generator)
          entry.flags = .segmentList
          let segments = (0..<count).map { _ in segment(&generator) }
          entry.segment0 = try fixture.writeList(segments, at: Fixture.list + UInt64(id) * 4096)
          entry.segment1 = VextSegment()
        }
        return entry
      case .flush: return VextSubmissionEntry(operation: operation.rawValue, id: id)
      case .discard, .writeZeroes:
        return VextSubmissionEntry(
          operation: operation.rawValue, id: id, offset: offset,
          length: UInt64.random(in: 1...64, using: &generator) * 512)
      case .identify:
        return VextSubmissionEntry(operation: operation.rawValue, id: id, segment0: segment(&generator))
      }
    }

    /// Changes one field into something random.
    private static func mutate(_ entry: inout VextSubmissionEntry, _ generator: inout SplitMix64) {
      let value = Bool.random(using: &generator) ? edge(&generator) : generator.next()
      switch UInt8.random(in: 0..<11, using: &generator) {
      case 0: entry.operation = UInt8(truncatingIfNeeded: value)
      case 1: entry.flags = VextSubmissionFlags(rawValue: UInt8(truncatingIfNeeded: value))
      case 2: entry.id = UInt16(truncatingIfNeeded: value)
      case 3: entry.offset = value
      case 4: entry.length = value
      case 5: entry.segment0.address = GuestAddress(value)
      case 6: entry.segment0.byteCount = UInt32(truncatingIfNeeded: value)
      case 7: entry.segment0.reserved = UInt32(truncatingIfNeeded: value)
      case 8: entry.segment1.address = GuestAddress(value)
      case 9: entry.segment1.byteCount = UInt32(truncatingIfNeeded: value)
      default: entry.reserved = value
      }
    }

    @Test(arguments: TestedEngines.all)
    func `of 50,000 random entries each is answered, or stops the queue`(engine: BlockEngineKind) async {
      // In a process of its own: a trap is then this test's failure, and its log of stopped queues stays there.
      switch engine {
      case .sync: await #expect(processExitsWith: .success) { try FuzzTests.fuzzEntries(.sync, seed: 11) }
      case .libaio: await #expect(processExitsWith: .success) { try FuzzTests.fuzzEntries(.libaio, seed: 12) }
      case .ioUring:
        await #expect(processExitsWith: .success) { try FuzzTests.fuzzEntries(.ioUring, seed: 14) }
      case .memory, .null:
        await #expect(processExitsWith: .success) { try FuzzTests.fuzzEntries(.null, seed: 13) }
      }
    }

    private static func fuzzEntries(_ engine: BlockEngineKind, seed: UInt64) throws {
      var generator = SplitMix64(seed: seed)
      let server = try SteppedQueueServer(engine: engine, polling: true, capacity: 64)
      let fixture = try Fixture(server: server, depth: 16)
      let driver = fixture.driver
      var submitted = 0
      var stops = 0
      while submitted < 50_000 {
        let batch = UInt16.random(in: 1...16, using: &generator)
        for id in 0..<batch {
          var entry = try Self.entry(id, fixture, &generator)
          if UInt8.random(in: 0..<16, using: &generator) == 0 { mutate(&entry, &generator) }
          driver.push(entry)
        }
        submitted += Int(batch)
        server.serveAll()
        var answers = 0
        while try driver.poll() != nil { answers += 1 }
        if driver.state == .stopped {
          stops += 1
          #expect(driver.error != VextQueueError.none)
          #expect(answers < Int(batch))
          try driver.restart()
        } else {
          #expect(driver.state == .enabled)
          #expect(answers == Int(batch))
        }
      }
      #expect(stops > 500)
      #expect(try stillReads(fixture, server))
    }

    private static func stillReads(_ fixture: VextFixture, _ server: SteppedQueueServer) throws -> Bool {
      fixture.driver.push(Fixture.entry(.read, id: 1))
      server.serveAll()
      return try fixture.driver.poll()?.status == 0
    }

    @Test func `random register accesses of all widths never trap`() async {
      await #expect(processExitsWith: .success) {
        var generator = SplitMix64(seed: 21)
        let server = try SteppedQueueServer(engine: .sync, polling: true, capacity: 64)
        let fixture = try VextFixture(server: server, queueCount: 4)
        let widths = [0, 1, 2, 3, 4, 4, 4, 8, 8, 16]
        for step in 0..<50_000 {
          let register = VextQueueRegister.allCases.randomElement(using: &generator) ?? .control
          var offset = VextRegister.queue(UInt16.random(in: 0...5, using: &generator), register)
          switch UInt8.random(in: 0..<8, using: &generator) {
          case 0: offset = UInt64.random(in: 0..<VextRegister.barByteCount, using: &generator)
          case 1: offset = generator.next()
          case 2: offset &+= UInt64.random(in: 0..<8, using: &generator)
          default: break
          }
          let byteCount = widths.randomElement(using: &generator) ?? 4
          let values: [UInt64] = [
            0, 1, 1, 2, 16, 0x1_0000, 0x2_0000, generator.next(), FuzzTests.edge(&generator),
          ]
          let bar = UInt8.random(in: 0..<16, using: &generator) == 0 ? 1 : 0
          if Bool.random(using: &generator) {
            fixture.device.writeBAR(
              bar, offset: offset, byteCount: byteCount, value: values.randomElement(using: &generator) ?? 0)
          } else {
            _ = fixture.device.readBAR(bar, offset: offset, byteCount: byteCount)
          }
          if step % 64 == 0 { server.serveAll() }
        }
        fixture.device.writeBAR(0, offset: VextRegister.reset, byteCount: 4, value: 0)
        #expect(server.attachedCount == 0)
        try fixture.driver.enable()
        #expect(try FuzzTests.stillReads(fixture, server))
      }
    }

    @Test func `a segment list that changes while it is read gives one of its states or stops the queue`()
      async
    {
      await #expect(processExitsWith: .success) { try FuzzTests.rewriteListWhileRead() }
    }

    /// A thread rewrites the list all the time: first from one good list to another, then to bad ones too.
    private static func rewriteListWhileRead() throws {
      try Fixture.withThread(engine: .sync) { (fixture) throws in
        let driver = fixture.driver
        let good = (0..<64 as Range<UInt64>).map {
          VextSegment(address: GuestAddress(Fixture.data + $0 * 512), byteCount: 512)
        }
        let entry = VextSubmissionEntry(
          operation: VextOperation.read.rawValue, flags: .segmentList, id: 1,
          segment0: try fixture.writeList(good))
        let first = try VextListRewriter(memory: fixture.memory, list: Fixture.list) { number in
          // Either of two places, both good.
          (Fixture.data + number % 64 * 512 + number / 64 % 2 * 0x10_0000, 512)
        }
        for _ in 0..<2000 {
          let answer = try driver.perform(entry)
          #expect(answer.status == 0)
          #expect(answer.byteCount == 64 * 512)
        }
        first.stop()
        let bad: [(UInt64, UInt64)] = [
          (Fixture.memoryByteCount, 512), (0 &- 512, 1024), (Fixture.data, 0xFFFF_FE00),
          (Fixture.data, 1 << 40),
          (Fixture.data + 1, 512), (Fixture.data, 0),
        ]
        let second = try VextListRewriter(memory: fixture.memory, list: Fixture.list) { number in
          number % 17 == 0 ? bad[Int(number / 17 % 6)] : (Fixture.data + number % 64 * 512, 512)
        }
        for _ in 0..<500 {
          driver.push(entry)
          var answer: VextCompletionEntry?
          #expect(
            try eventually {
              answer = try driver.poll()
              return answer != nil || driver.state == .stopped
            })
          guard driver.state == .stopped else { continue }
          let errors: [VextQueueError?] = [
            .segmentOutsideMemory, .reservedNotZero, .misaligned, .badTransferLength,
          ]
          #expect(errors.contains(driver.error))
          try driver.restart()
        }
        second.stop()
        #expect(try fixture.readsWell(driver))
      }
    }
  }
}
