import Testing
import VextProtocol

@testable import Hypervisor

@Suite struct IOThreadIdlenessTests {
  @Test func `a wake-up for nothing is followed by sleep at once, one for work by a window`() {
    var idleness = IOThreadIdleness()
    func isTimeToSleep() -> Bool { idleness.isTimeToSleep() }
    idleness.noteWork()
    #expect(!isTimeToSleep())
    idleness.noteSleep(nanoseconds: 1_000, waiting: 1)
    #expect(isTimeToSleep())
    idleness.noteSleep(nanoseconds: 1_000, waiting: 1)
    idleness.noteWork()
    #expect(idleness.window.length == 2 * IOThreadIdleness.shortestWindowNanoseconds)
    #expect(!isTimeToSleep())
    // Two sleeps, of which the first ended for nothing, are one long sleep.
    idleness.noteSleep(nanoseconds: IOThreadIdleness.longestWindowNanoseconds / 2, waiting: 1)
    idleness.noteSleep(nanoseconds: IOThreadIdleness.longestWindowNanoseconds / 2, waiting: 1)
    idleness.noteWork()
    #expect(idleness.window.length == IOThreadIdleness.shortestWindowNanoseconds)
  }

  @Test func `time without work passes the window`() {
    var idleness = IOThreadIdleness()
    var isDue = false
    for _ in 0..<100_000_000 where !isDue { isDue = idleness.isTimeToSleep() }
    #expect(isDue)
  }
}
