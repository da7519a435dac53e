import Glibc
import HostSystem
import Hypervisor
import TestSupport
import Testing
import VextProtocol

extension VextTests {
  /// What each operation does to the disk, to memory, and to the answer.
  @Suite struct OperationTests {
    private typealias Fixture = VextFixture
    private static let engines = TestedEngines.movers

    @Test(arguments: engines)
    func `a read fills its segment from the disk`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        let answer = try fixture.driver.perform(Fixture.entry(.read, id: 7, offset: 0x2000, byteCount: 4096))
        #expect(answer.status == 0)
        #expect(answer.id == 7)
        #expect(answer.byteCount == 4096)
        #expect(try fixture.bytes(4096) == VirtioTemporaryDisk.pattern(0x2000, 4096))
        #expect(try fixture.bytes(1, at: Fixture.data + 4096) == [0])
      }
    }

    @Test(arguments: engines)
    func `requests are counted by kind, with their bytes and their time`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        #expect(fixture.device.statistics == DiskStatistics())
        _ = try fixture.driver.perform(Fixture.entry(.read, id: 7, byteCount: 4096))
        _ = try fixture.driver.perform(Fixture.entry(.write, id: 8, byteCount: 512))
        _ = try fixture.driver.perform(Fixture.entry(.read, id: 9, byteCount: 512))
        let statistics = fixture.device.statistics
        #expect((statistics.reads, statistics.readBytes) == (2, 4608))
        #expect((statistics.writes, statistics.writtenBytes) == (1, 512))
        #expect(statistics.finished == 3)
        #expect((statistics.inFlight, statistics.maximumInFlight) == (0, 1))
        #expect(statistics.maximumServiceNanoseconds > 0)
      }
    }

    @Test(arguments: engines)
    func `a write takes its bytes to the disk and no further`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        let bytes = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
        try fixture.memory.write(bytes, at: GuestAddress(Fixture.data))
        let answer = try fixture.driver.perform(
          Fixture.entry(.write, id: 15, offset: 0x4000, byteCount: 1024))
        #expect(answer.status == 0)
        #expect(answer.id == 15)
        #expect(answer.byteCount == 1024)
        #expect(
          fixture.disk.read(0x3E00, 2048)
            == VirtioTemporaryDisk.pattern(0x3E00, 512) + bytes + VirtioTemporaryDisk.pattern(0x4400, 512))
      }
    }

    @Test(arguments: engines)
    func `two segments are one transfer`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        var entry = Fixture.entry(.read, offset: 512, byteCount: 1024)
        entry.segment1 = VextSegment(address: GuestAddress(Fixture.data + 0x1_0000), byteCount: 512)
        let answer = try fixture.driver.perform(entry)
        #expect(answer.status == 0)
        #expect(answer.byteCount == 1536)
        #expect(try fixture.bytes(1024) == VirtioTemporaryDisk.pattern(512, 1024))
        #expect(
          try fixture.bytes(512, at: Fixture.data + 0x1_0000) == VirtioTemporaryDisk.pattern(1536, 512))
      }
    }

    @Test(arguments: engines, [1, 2, 255, 256])
    func `a segment list may have up to 256 entries`(engine: BlockEngineKind, count: Int) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        // Backwards in memory, so that an order that is lost shows.
        let segments = (0..<count).map {
          VextSegment(address: GuestAddress(Fixture.data + UInt64(count - 1 - $0) * 1024), byteCount: 512)
        }
        let entry = VextSubmissionEntry(
          operation: VextOperation.read.rawValue, flags: .segmentList, id: 3, offset: 1024,
          segment0: try fixture.writeList(segments))
        let answer = try fixture.driver.perform(entry)
        #expect(answer.status == 0)
        #expect(answer.byteCount == UInt64(count * 512))
        for (index, segment) in segments.enumerated() {
          #expect(
            try fixture.bytes(512, at: segment.address.rawValue)
              == VirtioTemporaryDisk.pattern(1024 + index * 512, 512))
        }
      }
    }

    @Test(arguments: engines)
    func `a flush is answered with no bytes`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        let answer = try fixture.driver.perform(
          VextSubmissionEntry(operation: VextOperation.flush.rawValue, id: 2))
        #expect(answer.status == 0)
        #expect(answer.id == 2)
        #expect(answer.byteCount == 0)
      }
    }

    @Test(arguments: engines, [VextOperation.discard, .writeZeroes])
    func `discard and write-zeroes end after their length`(
      engine: BlockEngineKind, operation: VextOperation
    ) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        let answer = try fixture.driver.perform(
          VextSubmissionEntry(operation: operation.rawValue, id: 1, offset: 0x1_0000, length: 0x2000))
        #expect(answer.status == 0)
        #expect(answer.byteCount == 0x2000)
        // On a file both leave a hole, or zeroes.
        #expect(
          fixture.disk.read(0xFE00, 0x2400)
            == VirtioTemporaryDisk.pattern(0xFE00, 512) + [UInt8](repeating: 0, count: 0x2000)
            + VirtioTemporaryDisk.pattern(0x1_2000, 512))
        #expect(fixture.disk.read(0, Fixture.diskByteCount).count == Fixture.diskByteCount)
      }
    }

    @Test(arguments: TestedEngines.all)
    func `identify names the disk`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        let answer = try fixture.driver.perform(Fixture.entry(.identify, byteCount: 20))
        #expect(answer.status == 0)
        #expect(answer.byteCount == 20)
        #expect(try fixture.bytes(20) == fixture.image.identity)
        #expect(try fixture.bytes(5) == Array("vext-".utf8))
      }
    }

    @Test func `the null engine answers everything and moves nothing`() throws {
      try Fixture.withThread(engine: .null) { (fixture) throws in
        #expect(try fixture.driver.perform(Fixture.entry(.read, byteCount: 4096)).byteCount == 4096)
        #expect(try fixture.bytes(4096) == [UInt8](repeating: 0, count: 4096))
        #expect(try fixture.driver.perform(Fixture.entry(.write, byteCount: 4096)).status == 0)
        let zeroes = VextSubmissionEntry(operation: VextOperation.writeZeroes.rawValue, id: 0, length: 4096)
        #expect(try fixture.driver.perform(zeroes).status == 0)
        #expect(fixture.disk.read(0, 4096) == VirtioTemporaryDisk.pattern(0, 4096))
      }
    }

    @Test(arguments: engines)
    func `a read-only disk refuses changes and can be read`(engine: BlockEngineKind) throws {
      try Fixture.withThread(engine: engine, readOnly: true) { (fixture) throws in
        let attempts = [
          Fixture.entry(.write, id: 4),
          VextSubmissionEntry(operation: VextOperation.discard.rawValue, id: 5, length: 512),
          VextSubmissionEntry(operation: VextOperation.writeZeroes.rawValue, id: 6, length: 512),
        ]
        for entry in attempts {
          let answer = try fixture.driver.perform(entry)
          #expect(answer.id == entry.id)
          #expect(answer.status == UInt16(EROFS))
          #expect(answer.byteCount == 0)
        }
        #expect(fixture.disk.read(0, 512) == VirtioTemporaryDisk.pattern(0, 512))
        #expect(try fixture.readsWell(fixture.driver))
        let flush = VextSubmissionEntry(operation: VextOperation.flush.rawValue, id: 0)
        #expect(try fixture.driver.perform(flush).status == 0)
      }
    }

    @Test(arguments: engines)
    func `a read past the end of a file that was cut is an error with the bytes that were read`(
      engine: BlockEngineKind
    ) throws {
      try Fixture.withThread(engine: engine) { (fixture) throws in
        fixture.disk.truncate(to: 1024)
        let short = try fixture.driver.perform(Fixture.entry(.read, offset: 512, byteCount: 2048))
        #expect(short.status == UInt16(EIO))
        #expect(short.byteCount == 512)
        #expect(try fixture.bytes(512) == VirtioTemporaryDisk.pattern(512, 512))
        let nothing = try fixture.driver.perform(Fixture.entry(.read, offset: 4096, byteCount: 512))
        #expect(nothing.status == UInt16(EIO))
        #expect(nothing.byteCount == 0)
        #expect(try fixture.driver.perform(Fixture.entry(.read)).status == 0)
      }
    }

    @Test(arguments: TestedEngines.asynchronous)
    func `a request that completes at once overtakes requests in the kernel`(engine: BlockEngineKind) throws {
      let server = try SteppedQueueServer(engine: engine, polling: true, capacity: 64)
      let fixture = try Fixture(server: server)
      fixture.driver.push(Fixture.entry(.read, id: 9))
      fixture.driver.push(Fixture.entry(.identify, id: 4, byteCount: 32))
      #expect(server.drain() == 2)
      let first = try #require(try fixture.driver.poll())
      #expect(first.id == 4)
      server.serveAll()
      let second = try #require(try fixture.driver.poll())
      #expect(second.id == 9)
      #expect(second.byteCount == 512)
    }

    @Test(arguments: TestedEngines.all)
    func `a full queue is answered request by request, by id, over many laps`(engine: BlockEngineKind) throws
    {
      try Fixture.withThread(engine: engine, queueCount: 2, depth: 32) { (fixture) throws in
        var generator = SplitMix64(seed: 1)
        for _ in 0..<20 {
          for driver in fixture.drivers {
            for id in (0..<32 as Range<UInt16>).shuffled(using: &generator) {
              let place = Fixture.data + UInt64(driver.queue) * 0x10_0000 + UInt64(id) * 512
              driver.push(
                VextSubmissionEntry(
                  operation: VextOperation.read.rawValue, id: id, offset: UInt64(id) * 1024,
                  segment0: VextSegment(address: GuestAddress(place), byteCount: 512)))
            }
          }
          for driver in fixture.drivers {
            let answers = try (0..<32).map { _ in try driver.completion() }
            #expect(Set(answers.map(\.id)) == Set(0..<32))
            #expect(answers.allSatisfy { $0.status == 0 && $0.byteCount == 512 })
          }
        }
        guard engine != .null else { return }
        for queue in 0..<2 as Range<UInt64> {
          for id in 0..<32 {
            let place = Fixture.data + queue * 0x10_0000 + UInt64(id) * 512
            #expect(try fixture.bytes(512, at: place) == VirtioTemporaryDisk.pattern(id * 1024, 512))
          }
        }
      }
    }
  }
}
