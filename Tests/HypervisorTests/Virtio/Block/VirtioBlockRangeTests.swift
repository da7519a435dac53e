import Hypervisor
import TestSupport
import Testing
import VextProtocol

/// DISCARD and WRITE_ZEROES of several ranges, and what they do to the file.
@Suite struct VirtioBlockRangeTests {
  private typealias Fixture = VirtioBlockFixture
  private typealias Request = VirtioBlockFixture.Request

  private static let engines = TestedEngines.movers

  private static func zeroes(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  @Test(arguments: [Request.discard, Request.writeZeroes], engines)
  func `several ranges of a request are changed, and nothing between them`(
    type: UInt32, engine: BlockEngineKind
  ) throws {
    let fixture = try Fixture(engine: engine)
    let ranges =
      Fixture.range(sector: 8, sectorCount: 8) + Fixture.range(sector: 32, sectorCount: 0)
      + Fixture.range(sector: 64, sectorCount: 16)
    #expect(try fixture.request(type, out: ranges)?.status == 0)
    #expect(fixture.disk.read(8 * 512, 8 * 512) == Self.zeroes(8 * 512))
    #expect(fixture.disk.read(16 * 512, 48 * 512) == VirtioTemporaryDisk.pattern(16 * 512, 48 * 512))
    #expect(fixture.disk.read(64 * 512, 16 * 512) == Self.zeroes(16 * 512))
    #expect(fixture.disk.read(80 * 512, 512) == VirtioTemporaryDisk.pattern(80 * 512, 512))
  }

  @Test(arguments: [Request.discard, Request.writeZeroes])
  func `one bad range of several leaves the disk as it is`(type: UInt32) throws {
    let fixture = try Fixture()
    let end = UInt64(Fixture.diskByteCount / 512)
    let good = Fixture.range(sector: 8, sectorCount: 8)
    let outside = Fixture.range(sector: end - 1, sectorCount: 2)
    let flagged = Fixture.range(sector: 0, sectorCount: 8, flags: 2)
    #expect(try fixture.request(type, out: good + outside)?.status == 1)
    #expect(try fixture.request(type, out: good + flagged)?.status == 2)
    #expect(
      fixture.disk.read(0, Fixture.diskByteCount) == VirtioTemporaryDisk.pattern(0, Fixture.diskByteCount))
  }

  @Test func `as many ranges as the configuration says are taken, and not one more`() throws {
    let fixture = try Fixture()
    let limit = Int(fixture.driver.bus.read(fixture.driver.deviceBase + 40, byteCount: 4))
    let ranges = (0..<limit).flatMap { Fixture.range(sector: UInt64($0) * 8, sectorCount: 8) }
    #expect(try fixture.request(Request.discard, out: ranges)?.status == 0)
    #expect(fixture.disk.read(0, limit * 4096) == Self.zeroes(limit * 4096))
    let more = ranges + Fixture.range(sector: 0, sectorCount: 8)
    #expect(try fixture.request(Request.discard, out: more)?.status == 1)
    #expect(try fixture.request(Request.discard)?.status == 1)
    #expect(try fixture.request(Request.discard, out: Array(ranges.dropLast()))?.status == 1)
  }

  @Test(arguments: TestedEngines.asynchronous, [2, 3, 4, 64])
  func `ranges that an engine has no room for are changed all the same`(
    engine: BlockEngineKind, capacity: Int
  ) throws {
    let fixture = try Fixture(engine: engine, queueSize: 32, engineCapacity: capacity)
    for turn in 0..<5 {
      let ranges = (0..<3).flatMap { Fixture.range(sector: UInt64(turn * 24 + $0 * 8), sectorCount: 4) }
      #expect(
        try fixture.request(turn % 2 == 0 ? Request.discard : Request.writeZeroes, out: ranges)?.status == 0)
      for range in 0..<3 {
        let start = (turn * 24 + range * 8) * 512
        #expect(fixture.disk.read(start, 4 * 512) == Self.zeroes(4 * 512))
        #expect(
          fixture.disk.read(start + 4 * 512, 4 * 512) == VirtioTemporaryDisk.pattern(start + 4 * 512, 4 * 512)
        )
      }
    }
    #expect(fixture.servers[0].inFlight == 0)
  }

  @Test(arguments: engines)
  func `what is discarded, or zeroed with the unmap flag, gives its blocks back`(engine: BlockEngineKind)
    throws
  {
    let fixture = try Fixture(engine: engine)
    let all = fixture.disk.allocatedByteCount
    #expect(all >= Fixture.diskByteCount)
    #expect(try fixture.request(Request.discard, out: Fixture.range(sector: 0, sectorCount: 64))?.status == 0)
    #expect(fixture.disk.allocatedByteCount == all - 64 * 512)
    let unmapped = Fixture.range(sector: 64, sectorCount: 64, flags: 1)
    #expect(try fixture.request(Request.writeZeroes, out: unmapped)?.status == 0)
    #expect(fixture.disk.allocatedByteCount == all - 128 * 512)
    let kept = Fixture.range(sector: 128, sectorCount: 64)
    #expect(try fixture.request(Request.writeZeroes, out: kept)?.status == 0)
    #expect(fixture.disk.allocatedByteCount == all - 128 * 512)
    #expect(fixture.disk.read(0, 192 * 512) == Self.zeroes(192 * 512))
  }
}
