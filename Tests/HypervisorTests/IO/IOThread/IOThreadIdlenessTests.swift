import Testing
import VextProtocol

@testable import Hypervisor

@Suite struct IOThreadIdlenessTests {
  @Test func `a wake-up for nothing is followed by sleep at once, one for work by a window`() {
    var idleness = IOThreadIdleness(adaptsToLoad: false)
    func isTimeToSleep() -> Bool { idleness.isTimeToSleep() }
    idleness.noteWork()
    #expect(!isTimeToSleep())
    idleness.noteSleep(from: 1, to: 1_001, waiting: 1)
    #expect(isTimeToSleep())
    idleness.noteSleep(from: 1, to: 1_001, waiting: 1)
    idleness.noteWork()
    #expect(idleness.window.length == 2 * IOThreadIdleness.shortestWindowNanoseconds)
    #expect(!isTimeToSleep())
    // Two sleeps, of which the first ended for nothing, are one long sleep.
    idleness.noteSleep(from: 1, to: 1 + IOThreadIdleness.longestWindowNanoseconds / 2, waiting: 1)
    idleness.noteSleep(from: 1, to: 1 + IOThreadIdleness.longestWindowNanoseconds / 2, waiting: 1)
    idleness.noteWork()
    #expect(idleness.window.length == IOThreadIdleness.shortestWindowNanoseconds)
  }

  @Test func `time without work passes the window`() {
    var idleness = IOThreadIdleness()
    var isDue = false
    for _ in 0..<100_000_000 where !isDue { isDue = idleness.isTimeToSleep() }
    #expect(isDue)
  }

  /// Sleeps `count` times, each 10 us after the one before, and wakes for work.
  private static func sleep(
    _ idleness: inout IOThreadIdleness, _ count: Int, nanoseconds: UInt64, waiting: Int
  ) {
    var now = idleness.clock
    for _ in 0..<count {
      now += 10_000
      idleness.noteSleep(from: now, to: now + nanoseconds, waiting: waiting)
      now += nanoseconds
      idleness.noteWork()
    }
  }

  @Test func `at low load the thread sleeps as soon as it finds nothing, and polls again at high load`() {
    var idleness = IOThreadIdleness()
    Self.sleep(&idleness, 50, nanoseconds: 500_000, waiting: 0)
    #expect(idleness.isLoadLow)
    var isTime = idleness.isTimeToSleep()
    #expect(isTime)
    Self.sleep(&idleness, 200, nanoseconds: 50_000, waiting: 4)
    #expect(!idleness.isLoadLow)
    isTime = idleness.isTimeToSleep()
    #expect(!isTime)
    var other = IOThreadIdleness(adaptsToLoad: false)
    Self.sleep(&other, 50, nanoseconds: 500_000, waiting: 0)
    #expect(!other.isLoadLow)
  }

  @Test func `on a CPU that others need the thread sleeps as soon as it finds nothing`() {
    var idleness = IOThreadIdleness()
    var isTime = idleness.isTimeToSleep()
    #expect(!isTime)
    idleness.isCPUShared = true
    isTime = idleness.isTimeToSleep()
    #expect(isTime)
  }
}
