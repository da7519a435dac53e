import HostSystem
import Hypervisor
import TestSupport
import Testing
import VextProtocol

/// Requests of a well-behaved driver.
@Suite struct VirtioBlockTests {
  private typealias Request = VirtioBlockFixture.Request
  private typealias Answer = VirtioBlockFixture.Answer

  private static let movers = TestedEngines.movers

  @Test(arguments: movers, [false, true])
  func `IN returns what the disk holds`(engine: BlockEngineKind, indirect: Bool) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    let answer = try fixture.request(Request.in, sector: 5, inByteCount: 4096, indirect: indirect)
    #expect(
      answer == Answer(status: 0, usedByteCount: 4097, data: VirtioTemporaryDisk.pattern(5 * 512, 4096)))
  }

  @Test(arguments: movers, [false, true])
  func `OUT changes the disk, and nothing beside it`(engine: BlockEngineKind, indirect: Bool) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    let data = [UInt8](repeating: 0xA5, count: 1024)
    let answer = try fixture.request(Request.out, sector: 9, out: data, indirect: indirect)
    #expect(answer == Answer(status: 0, usedByteCount: 1, data: []))
    #expect(fixture.disk.read(8 * 512, 512) == VirtioTemporaryDisk.pattern(8 * 512, 512))
    #expect(fixture.disk.read(9 * 512, 1024) == data)
    #expect(fixture.disk.read(11 * 512, 512) == VirtioTemporaryDisk.pattern(11 * 512, 512))
  }

  @Test(arguments: TestedEngines.movers)
  func `requests are counted by kind, with their bytes and their time`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    #expect(fixture.block.statistics == DiskStatistics())
    _ = try fixture.request(Request.in, sector: 5, inByteCount: 4096)
    _ = try fixture.request(Request.in, sector: 6, inByteCount: 512)
    _ = try fixture.request(Request.out, sector: 9, out: [UInt8](repeating: 1, count: 1024))
    _ = try fixture.request(Request.flush)
    _ = try fixture.request(Request.discard, out: VirtioBlockFixture.range(sector: 8, sectorCount: 16))
    // Refused: nothing that a disk did.
    _ = try fixture.request(Request.in, sector: 1 << 40, inByteCount: 512)
    let statistics = fixture.block.statistics
    #expect((statistics.reads, statistics.readBytes) == (2, 4608))
    #expect((statistics.writes, statistics.writtenBytes) == (1, 1024))
    #expect((statistics.flushes, statistics.discards, statistics.finished) == (1, 1, 5))
    #expect((statistics.inFlight, statistics.maximumInFlight) == (0, 1))
    #expect(statistics.maximumServiceNanoseconds > 0)
    #expect(statistics.serviceNanoseconds >= statistics.maximumServiceNanoseconds)
    #expect(statistics.serviceNanoseconds < 60e9)
    // A reset takes nothing away.
    try fixture.start()
    #expect(fixture.block.statistics.finished == 5)
  }

  @Test func `metrics of a disk have its name and units`() {
    var statistics = DiskStatistics()
    statistics.finished = 4
    statistics.serviceNanoseconds = 10_000
    statistics.maximumServiceNanoseconds = 7600
    let metrics = Dictionary(
      uniqueKeysWithValues: statistics.metrics(prefix: "disk1").map { ($0.name, $0.value) })
    // 2.5 us, rounded away from zero.
    #expect(metrics["disk1_mean_service_us"] == 3)
    #expect(metrics["disk1_max_service_us"] == 8)
    #expect(metrics["disk1_in_flight"] == 0)
    #expect(metrics.count == 10)
  }

  @Test(arguments: TestedEngines.all)
  func `FLUSH succeeds`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    #expect(try fixture.request(Request.flush) == Answer(status: 0, usedByteCount: 1, data: []))
  }

  @Test(arguments: TestedEngines.all)
  func `GET_ID returns twenty bytes of a name`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    let answer = try #require(try fixture.request(Request.getID, inByteCount: 20))
    #expect(answer.status == 0)
    #expect(answer.usedByteCount == 21)
    #expect(answer.data.starts(with: Array("vext-".utf8)))
  }

  @Test(arguments: [Request.discard, Request.writeZeroes], movers)
  func `a range that is discarded or zeroed reads as zeroes`(type: UInt32, engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    let range = VirtioBlockFixture.range(sector: 8, sectorCount: 16)
    #expect(try fixture.request(type, out: range) == Answer(status: 0, usedByteCount: 1, data: []))
    #expect(fixture.disk.read(8 * 512, 16 * 512) == [UInt8](repeating: 0, count: 16 * 512))
    #expect(fixture.disk.read(7 * 512, 512) == VirtioTemporaryDisk.pattern(7 * 512, 512))
    #expect(fixture.disk.read(24 * 512, 512) == VirtioTemporaryDisk.pattern(24 * 512, 512))
  }

  @Test func `WRITE_ZEROES may carry the unmap flag and DISCARD may not`() throws {
    let fixture = try VirtioBlockFixture()
    let range = VirtioBlockFixture.range(sector: 0, sectorCount: 8, flags: 1)
    #expect(try fixture.request(Request.writeZeroes, out: range)?.status == 0)
    #expect(try fixture.request(Request.discard, out: range)?.status == 2)
    let unknown = VirtioBlockFixture.range(sector: 0, sectorCount: 8, flags: 2)
    #expect(try fixture.request(Request.writeZeroes, out: unknown)?.status == 2)
  }

  @Test(arguments: [2, 3, 10, 12, 14, 0xFFFF_FFFF] as [UInt32])
  func `an unknown type is unsupported`(type: UInt32) throws {
    let fixture = try VirtioBlockFixture()
    #expect(try fixture.request(type, inByteCount: 512)?.status == 2)
    #expect(!fixture.needsReset)
  }

  @Test(arguments: TestedEngines.all)
  func `a request that the disk cannot carry out is an I/O error and does not stop the queue`(
    engine: BlockEngineKind
  ) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    let end = UInt64(VirtioBlockFixture.diskByteCount / 512)
    let sector = [UInt8](repeating: 1, count: 512)
    #expect(try fixture.request(Request.in, sector: end, inByteCount: 512)?.status == 1)
    #expect(try fixture.request(Request.in, sector: end - 1, inByteCount: 1024)?.status == 1)
    #expect(try fixture.request(Request.in, sector: .max, inByteCount: 512)?.status == 1)
    #expect(try fixture.request(Request.in, sector: 1 << 55, inByteCount: 512)?.status == 1)
    #expect(try fixture.request(Request.in, inByteCount: 511)?.status == 1)
    #expect(try fixture.request(Request.in, inByteCount: 513)?.status == 1)
    #expect(try fixture.request(Request.in, out: sector, inByteCount: 512)?.status == 1)
    #expect(try fixture.request(Request.out, sector: end, out: sector)?.status == 1)
    #expect(try fixture.request(Request.out, out: Array(sector.dropLast()))?.status == 1)
    #expect(try fixture.request(Request.out, out: sector, inByteCount: 1)?.status == 1)
    for type in [Request.discard, Request.writeZeroes] {
      let tail = VirtioBlockFixture.range(sector: end - 1, sectorCount: 2)
      #expect(try fixture.request(type, out: tail)?.status == 1)
      let long = VirtioBlockFixture.range(sector: 0, sectorCount: .max)
      #expect(try fixture.request(type, out: long)?.status == 1)
      let wrapping = VirtioBlockFixture.range(sector: .max, sectorCount: 2)
      #expect(try fixture.request(type, out: wrapping)?.status == 1)
      #expect(try fixture.request(type, out: Array(tail.dropLast()))?.status == 1)
      #expect(try fixture.request(type, out: tail + tail)?.status == 1)
    }
    #expect(!fixture.needsReset)
    #expect(try fixture.request(Request.in, sector: end - 1, inByteCount: 512)?.status == 0)
  }

  @Test(arguments: movers)
  func `a read that comes back short is an I/O error`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    fixture.disk.truncate(to: 4096 + 100)
    #expect(try fixture.request(Request.in, sector: 8, inByteCount: 512)?.status == 1)
    #expect(try fixture.request(Request.in, sector: 64, inByteCount: 512)?.status == 1)
    #expect(try fixture.request(Request.in, sector: 7, inByteCount: 512)?.status == 0)
  }

  @Test func `a read-only disk refuses changes`() throws {
    let fixture = try VirtioBlockFixture(readOnly: true)
    let range = VirtioBlockFixture.range(sector: 0, sectorCount: 1)
    #expect(try fixture.request(Request.out, out: [UInt8](repeating: 1, count: 512))?.status == 1)
    #expect(try fixture.request(Request.discard, out: range)?.status == 1)
    #expect(try fixture.request(Request.writeZeroes, out: range)?.status == 1)
    #expect(try fixture.request(Request.in, inByteCount: 512)?.status == 0)
    #expect(try fixture.request(Request.flush)?.status == 0)
  }

  @Test func `an empty IN or OUT succeeds and moves nothing`() throws {
    let fixture = try VirtioBlockFixture()
    #expect(try fixture.request(Request.in, sector: 3) == Answer(status: 0, usedByteCount: 1, data: []))
    #expect(try fixture.request(Request.out, sector: 3) == Answer(status: 0, usedByteCount: 1, data: []))
  }

  @Test(arguments: movers)
  func `header, data and status may be split anywhere`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    let base = VirtioBlockFixture.header
    let data = VirtioBlockFixture.data
    // One buffer holds header and data, and the status follows the data of an IN in one buffer.
    try fixture.writeHeader(Request.out, sector: 2, at: data)
    try fixture.memory.write([UInt8](repeating: 0x77, count: 512), at: GuestAddress(data + 16))
    try fixture.queues[0].describeChain(
      0, readable: [(data, 528)], writable: [(VirtioBlockFixture.status, 1)])
    #expect(try fixture.submit(head: 0)?.status == 0)
    #expect(fixture.disk.read(1024, 512) == [UInt8](repeating: 0x77, count: 512))

    // A header in pieces of 1, 7 and 8 bytes, the last with the first data.
    try fixture.writeHeader(Request.out, sector: 4, at: base)
    try fixture.memory.write([UInt8](repeating: 0x78, count: 512), at: GuestAddress(base + 16))
    try fixture.queues[0].describeChain(
      0, readable: [(base, 1), (base + 1, 7), (base + 8, 9), (base + 17, 511)],
      writable: [(VirtioBlockFixture.status, 1)])
    #expect(try fixture.submit(head: 0)?.status == 0)
    #expect(fixture.disk.read(2048, 512) == [UInt8](repeating: 0x78, count: 512))

    try fixture.writeHeader(Request.in, sector: 6, at: base)
    try fixture.queues[0].describeChain(
      0, readable: [(base, 16)], writable: [(data, 100), (data + 100, 413)])
    try fixture.memory.store(0xEE as UInt8, at: GuestAddress(data + 512))
    try fixture.queues[0].offer(0)
    fixture.serveAll()
    #expect(try fixture.queues[0].takeUsed() == FakeVirtqueue.Used(head: 0, byteCount: 513))
    #expect(try fixture.memory.read(512, at: GuestAddress(data)) == VirtioTemporaryDisk.pattern(6 * 512, 512))
    #expect(try fixture.memory.load(UInt8.self, at: GuestAddress(data + 512)) == 0)
  }

  @Test(arguments: movers)
  func `a request of as many segments as the configuration allows is served`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine)
    let count = Int(fixture.driver.bus.read(fixture.driver.deviceBase + 12, byteCount: 4))
    let table = GuestAddress(0x40_0000)
    // In reverse, so that the segments do not lie as they do on the disk.
    let segments = (0..<count).map { (VirtioBlockFixture.data + UInt64(count - 1 - $0) * 512, 512 as UInt32) }
    try fixture.writeHeader(Request.in, sector: 1)
    try fixture.queues[0].describeChain(
      0, readable: [(VirtioBlockFixture.header, 16)], writable: segments + [(VirtioBlockFixture.status, 1)],
      table: table)
    try fixture.queues[0].describe(0, table.rawValue, UInt32(count + 2) * 16, FakeVirtqueue.Flag.indirect)
    let answer = try #require(try fixture.submit(head: 0, inByteCount: count * 512))
    #expect(answer.status == 0)
    #expect(answer.usedByteCount == UInt32(count * 512 + 1))
    #expect(Array(answer.data.prefix(512)) == VirtioTemporaryDisk.pattern(count * 512, 512))
    #expect(Array(answer.data.suffix(512)) == VirtioTemporaryDisk.pattern(512, 512))
  }

  @Test(arguments: movers)
  func `O_DIRECT needs aligned data, not an aligned header or status`(engine: BlockEngineKind) throws {
    guard let fixture = try? VirtioBlockFixture(engine: engine, direct: true) else {
      try Test.cancel("the file system of /tmp refuses O_DIRECT")
    }
    let header = VirtioBlockFixture.header + 1
    let status = VirtioBlockFixture.status + 3
    let block = UInt32(fixture.driver.bus.read(fixture.driver.deviceBase + 20, byteCount: 4))
    try fixture.writeHeader(Request.in, sector: 8, at: header)
    try fixture.memory.store(0xEE as UInt8, at: GuestAddress(status))
    try fixture.queues[0].describeChain(
      0, readable: [(header, 16)], writable: [(VirtioBlockFixture.data, block), (status, 1)])
    try fixture.queues[0].offer(0)
    fixture.serveAll()
    #expect(try fixture.queues[0].takeUsed() == FakeVirtqueue.Used(head: 0, byteCount: block + 1))
    #expect(try fixture.memory.load(UInt8.self, at: GuestAddress(status)) == 0)
    #expect(
      try fixture.memory.read(Int(block), at: GuestAddress(VirtioBlockFixture.data))
        == VirtioTemporaryDisk.pattern(8 * 512, Int(block)))
  }

  @Test func `a header that is too short is an I/O error`() throws {
    let fixture = try VirtioBlockFixture()
    try fixture.queues[0].describeChain(
      0, readable: [(VirtioBlockFixture.header, 15)], writable: [(VirtioBlockFixture.status, 1)])
    #expect(try fixture.submit(head: 0)?.status == 1)
    try fixture.queues[0].describeChain(0, readable: [], writable: [(VirtioBlockFixture.status, 1)])
    #expect(try fixture.submit(head: 0)?.status == 1)
    #expect(!fixture.needsReset)
  }

  @Test(arguments: TestedEngines.all)
  func `each queue is served by its server and raises its own vector`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine, queueCount: 3, serverCount: 2)
    #expect(fixture.servers.map(\.attachedCount) == [2, 1])
    for queue in 0..<3 {
      #expect(try fixture.request(Request.in, inByteCount: 512, queue: queue)?.status == 0)
      for vector in 0...3 {
        #expect(fixture.recorder.takeInterrupts(vector) == (vector == queue + 1 ? 1 : 0))
      }
    }
  }

  @Test func `queues that the driver did not enable are not served`() throws {
    let fixture = try VirtioBlockFixture(queueCount: 3)
    try fixture.driver.negotiate(1 << 32)
    fixture.driver.enable(2, fixture.queues[2].layout)
    fixture.driver.start()
    #expect(fixture.servers[0].attachedCount == 1)
  }

  @Test(arguments: TestedEngines.all)
  func `random writes and reads through several queues agree with a model`(engine: BlockEngineKind) throws {
    let fixture = try VirtioBlockFixture(engine: engine, queueCount: 2)
    var model = VirtioTemporaryDisk.pattern(0, VirtioBlockFixture.diskByteCount)
    var random = SplitMix64(seed: 0xB10C)
    for turn in 0..<600 {
      let count = Int.random(in: 1...16, using: &random) * 512
      let sector = Int.random(in: 0...(model.count - count) / 512, using: &random)
      let isIndirect = Bool.random(using: &random)
      if Bool.random(using: &random) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ turn) }
        let answer = try fixture.request(
          Request.out, sector: UInt64(sector), out: bytes, queue: turn & 1, indirect: isIndirect)
        #expect(answer?.status == 0)
        model.replaceSubrange(sector * 512..<sector * 512 + count, with: bytes)
      } else {
        let answer = try fixture.request(
          Request.in, sector: UInt64(sector), inByteCount: count, queue: turn & 1, indirect: isIndirect)
        #expect(answer?.status == 0)
        // The null engine moves nothing.
        if engine != .null { #expect(answer?.data == Array(model[sector * 512..<sector * 512 + count])) }
      }
    }
    if engine != .null { #expect(fixture.disk.read(0, model.count) == model) }
  }
}
