import Glibc
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing
import VextProtocol

/// The memory balloon, and a driver good or bad.
@Suite struct VirtioBalloonTests {
  private typealias Fixture = DeviceThreadFixture<VirtioBalloon>
  private static let inflate = 0
  private static let deflate = 1
  private static let statistics = 2
  private static let statisticsFeature: UInt64 = 1 << 1
  private static let second: UInt64 = 1_000_000_000

  private func makeFixture(features: UInt64 = statisticsFeature) throws -> Fixture {
    let fixture = try Fixture { VirtioBalloon(memory: $0, thread: $1) }
    try fixture.start(features: features)
    return fixture
  }

  private func numbers(_ pages: [UInt32]) -> [UInt8] {
    pages.flatMap { page in (0..<4).map { UInt8(truncatingIfNeeded: page >> UInt32($0 * 8)) } }
  }

  private func entry(_ tag: UInt16, _ value: UInt64) -> [UInt8] {
    [UInt8(truncatingIfNeeded: tag), UInt8(truncatingIfNeeded: tag >> 8)]
      + (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  /// Fills page `number` with a pattern.
  private func dirty(_ fixture: Fixture, _ number: UInt32) throws {
    try fixture.memory.write(
      [UInt8](repeating: 0x5A, count: 4096), at: GuestAddress(UInt64(number) * 4096))
  }

  private func isZero(_ fixture: Fixture, _ number: UInt32) throws -> Bool {
    try fixture.memory.read(4096, at: GuestAddress(UInt64(number) * 4096)).allSatisfy { $0 == 0 }
  }

  @Test func `pages in the balloon go back to the host, and their neighbours stay`() throws {
    let fixture = try makeFixture()
    for page: UInt32 in 1000..<1010 { try dirty(fixture, page) }
    let before = try fixture.memory.residentByteCount()
    try fixture.offer(Self.inflate, readable: numbers([1005, 1004, 1003, 1007, 1001]))
    #expect(try fixture.takeUsed(Self.inflate) == .init(head: 0, byteCount: 0))
    #expect(try fixture.memory.residentByteCount() <= before - 4 * 4096)
    #expect(fixture.device.counters == .init(discardedPageCount: 5))
    for page: UInt32 in 1000..<1010 {
      #expect(try isZero(fixture, page) == [1001, 1003, 1004, 1005, 1007].contains(page))
    }
  }

  @Test func `page numbers outside of memory are counted, and the others still count`() throws {
    let fixture = try makeFixture()
    try dirty(fixture, 1000)
    let end = UInt32(Fixture.memoryByteCount / 4096)
    try fixture.offer(Self.inflate, readable: numbers([end, 1000, .max, 1000, end - 1, 0xC0000]))
    #expect(try fixture.takeUsed(Self.inflate) != nil)
    #expect(fixture.device.counters == .init(discardedPageCount: 2, invalidPageCount: 3))
    #expect(try isZero(fixture, 1000))
    #expect(!fixture.needsReset)
  }

  @Test func `pages that the host's kernel keeps are counted`() throws {
    let fixture = try makeFixture()
    try dirty(fixture, 1000)
    let host = try #require(fixture.memory.regions.first).host.rawValue + 1000 * 4096
    // Locked memory cannot be discarded.
    // SAFETY: the page is the fixture's, and mlock changes no byte of it.
    try #require(unsafe mlock(UnsafeRawPointer(bitPattern: UInt(host)), 4096) == 0)
    try fixture.offer(Self.inflate, readable: numbers([1000, 1002]))
    #expect(try fixture.takeUsed(Self.inflate) != nil)
    #expect(fixture.device.counters == .init(discardedPageCount: 1, refusedPageCount: 1))
    #expect(try !isZero(fixture, 1000))
  }

  @Test func `memory is discarded by whole pages, and none that is not there`() throws {
    let memory = try GuestMemory(byteCount: 1 << 16)
    try memory.store(7 as UInt8, at: GuestAddress(0x1000))
    for (start, count): (UInt64, UInt64) in [(0xF000, 0x2000), (.max, 0x1000), (0, .max)] {
      #expect(throws: Errno.badAddress) { try memory.discard(GuestAddress(start), byteCount: count) }
    }
    for (start, count): (UInt64, UInt64) in [(0x1800, 0x1000), (0x1000, 0x800)] {
      #expect(throws: Errno.invalidArgument) { try memory.discard(GuestAddress(start), byteCount: count) }
    }
    #expect(try memory.load(UInt8.self, at: GuestAddress(0x1000)) == 7)
    try memory.discard(GuestAddress(0x1000), byteCount: 0x1000)
    #expect(try memory.load(UInt8.self, at: GuestAddress(0x1000)) == 0)
  }

  @Test func `half a page number is ignored`() throws {
    let fixture = try makeFixture()
    try fixture.offer(Self.inflate, readable: [1, 2, 3])
    #expect(try fixture.takeUsed(Self.inflate) == .init(head: 0, byteCount: 0))
    #expect(fixture.device.counters == .init())
  }

  @Test func `chains without anything to read are handed back`() throws {
    let fixture = try makeFixture()
    for queue in [Self.inflate, Self.deflate] {
      try fixture.offer(queue, writableByteCount: 64)
      #expect(try fixture.takeUsed(queue) == .init(head: 0, byteCount: 0))
    }
    #expect(fixture.device.counters == .init())
  }

  @Test func `a huge list of page numbers is worked off in passes`() throws {
    let fixture = try makeFixture()
    // Two MiB of zeroes, twice: page 0 all the time.
    try fixture.queues[0].describeChain(
      0, readable: [(0x40_0000, 1 << 21), (0x40_0000, 1 << 21)], writable: [])
    try fixture.queues[0].offer(0)
    fixture.driver.kick(Self.inflate)
    #expect(try fixture.takeUsed(Self.inflate) == .init(head: 0, byteCount: 0))
    #expect(fixture.device.counters == .init(discardedPageCount: 1 << 10))
  }

  @Test func `pages that leave the balloon are handed back at once`() throws {
    let fixture = try makeFixture()
    try fixture.offer(Self.deflate, readable: numbers([1000, 1001]))
    #expect(try fixture.takeUsed(Self.deflate) == .init(head: 0, byteCount: 0))
    #expect(fixture.device.counters == .init())
  }

  @Test func `the driver reads the target and reports the size it reached`() throws {
    let fixture = try makeFixture()
    fixture.device.setTarget(mib: 2)
    #expect(fixture.recorder.waitForInterrupt(0))
    #expect(fixture.configuration(0, byteCount: 4) == 512)
    #expect(fixture.device.targetPageCount == 512)
    fixture.setConfiguration(4, byteCount: 4, 300)
    #expect(fixture.device.actualPageCount == 300)
    #expect(fixture.configuration(4, byteCount: 4) == 300)
    // What is not the driver's it cannot change.
    fixture.setConfiguration(0, byteCount: 4, 7)
    fixture.setConfiguration(4, byteCount: 1, 7)
    #expect(fixture.configuration(0, byteCount: 8) == 512 | 300 << 32)
  }

  @Test func `the target is at most all of memory`() throws {
    let fixture = try makeFixture()
    fixture.device.setTarget(mib: .max)
    #expect(UInt64(fixture.device.targetPageCount) == Fixture.memoryByteCount / 4096)
  }

  @Test func `a reset empties the balloon and keeps the target`() throws {
    let fixture = try makeFixture()
    fixture.device.setTarget(pageCount: 100)
    fixture.setConfiguration(4, byteCount: 4, 100)
    try fixture.start()
    #expect(fixture.device.actualPageCount == 0)
    #expect(fixture.configuration(0, byteCount: 4) == 100)
  }

  @Test func `statistics are asked for by handing the buffer back`() throws {
    let fixture = try makeFixture()
    let first = (0..<10).flatMap { entry(UInt16($0), UInt64($0) + 100) }
    try fixture.offer(Self.statistics, readable: first)
    // The device keeps the buffer until somebody asks.
    #expect(try fixture.takeUsedAtOnce(Self.statistics) == nil)
    let answer = try Answer(fixture.device, timeoutNanoseconds: 10 * Self.second)
    #expect(try fixture.takeUsed(Self.statistics) == .init(head: 0, byteCount: 0))
    try fixture.offer(
      Self.statistics, readable: entry(4, 1 << 40) + entry(99, 1) + entry(5, .max) + entry(5, 7) + [1, 2])
    var expected = BalloonStatistics()
    expected.freeByteCount = 1 << 40
    expected.totalByteCount = 7
    #expect(answer.take() == .success(expected))
  }

  @Test func `every figure has its tag`() throws {
    let fixture = try makeFixture()
    let answer = try Answer(fixture.device, timeoutNanoseconds: 10 * Self.second)
    #expect(eventually { answer.hasStarted })
    try fixture.offer(Self.statistics, readable: (0..<10).flatMap { entry(UInt16($0), UInt64($0) + 100) })
    let statistics = try #require(try? answer.take().get())
    #expect(statistics.swappedInByteCount == 100)
    #expect(statistics.swappedOutByteCount == 101)
    #expect(statistics.majorFaultCount == 102)
    #expect(statistics.minorFaultCount == 103)
    #expect(statistics.freeByteCount == 104)
    #expect(statistics.totalByteCount == 105)
    #expect(statistics.availableByteCount == 106)
    #expect(statistics.cachedByteCount == 107)
    #expect(statistics.hugePageAllocationCount == 108)
    #expect(statistics.hugePageFailureCount == 109)
  }

  @Test func `a driver that does not answer is not waited for longer than asked`() throws {
    let fixture = try makeFixture()
    #expect(throws: BalloonError.timedOut) {
      try fixture.device.requestStatistics(timeoutNanoseconds: 2_000_000)
    }
    try fixture.offer(Self.statistics, readable: [])
    // The buffer answers this question if it is seen in time; nothing answers the next one.
    _ = try? fixture.device.requestStatistics(timeoutNanoseconds: Self.second)
    #expect(throws: BalloonError.timedOut) {
      try fixture.device.requestStatistics(timeoutNanoseconds: 2_000_000)
    }
  }

  @Test func `there are no statistics without the feature or without a driver`() throws {
    let fixture = try makeFixture(features: 0)
    #expect(throws: BalloonError.statisticsNotSupported) {
      try fixture.device.requestStatistics(timeoutNanoseconds: Self.second)
    }
    fixture.driver.setStatus(0)
    #expect(throws: BalloonError.noDriver) {
      try fixture.device.requestStatistics(timeoutNanoseconds: Self.second)
    }
    for error in [BalloonError.noDriver, .statisticsNotSupported, .timedOut] {
      #expect(!error.description.contains("\n"))
    }
  }

  @Test func `of several statistics buffers the device keeps one`() throws {
    let fixture = try makeFixture()
    for head: UInt16 in 0..<3 {
      try fixture.offer(Self.statistics, head: head, readable: entry(4, UInt64(head)))
    }
    #expect(try fixture.takeUsed(Self.statistics) == .init(head: 0, byteCount: 0))
    #expect(try fixture.takeUsed(Self.statistics) == .init(head: 1, byteCount: 0))
    #expect(try fixture.takeUsedAtOnce(Self.statistics) == nil)
  }

  /// A request for statistics on a thread of its own.
  private final class Answer: Sendable {
    private final class Box: Sendable {
      private let result = Mutex<Result<BalloonStatistics, BalloonError>?>(nil)

      var value: Result<BalloonStatistics, BalloonError>? { result.withLock { $0 } }

      func set(_ new: Result<BalloonStatistics, BalloonError>) { result.withLock { $0 = new } }
    }

    private let result = Box()
    private let started = TerminalFlag()

    /// A thread of its own, for the tests' pool may be full of tests that wait.
    init(_ balloon: VirtioBalloon, timeoutNanoseconds: UInt64) throws {
      _ = try HostThread(name: "statistics", cpus: nil) { [result, started] in
        started.set()
        do throws(BalloonError) {
          result.set(.success(try balloon.requestStatistics(timeoutNanoseconds: timeoutNanoseconds)))
        } catch {
          result.set(.failure(error))
        }
      }
    }

    var hasStarted: Bool { started.isSet }

    func take() -> Result<BalloonStatistics, BalloonError> {
      _ = eventually { result.value != nil }
      return result.value ?? .failure(.timedOut)
    }
  }
}
