import HostSystem
import VextProtocol

/// When an adaptive I/O thread goes to sleep: after a time without work that adapts to how long its sleeps turn out to be
/// (docs/vext-protocol.md §8.1).
struct IOThreadIdleness {
  /// About what a wake-up costs; less would hardly ever meet the next request.
  static let shortestWindowNanoseconds: UInt64 = 8_000
  /// What KVM's halt polling (halt_poll_ns) takes, and more than a fast disk needs for a request. With many requests under
  /// way it is a multiple (``PollingWindow``).
  static let longestWindowNanoseconds: UInt64 = 200_000
  /// Passes between two looks at the clock.
  private static let passesPerLook: UInt32 = 16

  private(set) var window = PollingWindow(
    start: Self.shortestWindowNanoseconds, limit: Self.longestWindowNanoseconds)
  private var passes: UInt32 = 0
  /// When the thread was first seen without work; 0: it had some.
  private var idleSince: UInt64 = 0
  /// How long the last sleep was, until it is known whether it ended for work.
  private var lastSleep: UInt64?
  /// Requests that were under way when it began.
  private var lastWaiting: UInt64 = 0

  /// The pass found something to do.
  @inline(__always)
  mutating func noteWork() {
    passes = 0
    idleSince = 0
    if lastSleep != nil { learn() }
  }

  private mutating func learn() {
    if let lastSleep { window.learn(slept: lastSleep, waiting: lastWaiting) }
    lastSleep = nil
  }

  /// The pass found nothing: whether there was nothing for long enough. After a wake-up for nothing it is at once, so that
  /// a guest which rings for nothing keeps nobody awake.
  @inline(__always)
  mutating func isTimeToSleep() -> Bool {
    if lastSleep != nil { return true }
    passes &+= 1
    guard passes % Self.passesPerLook == 0 else { return false }
    return hasWindowPassed()
  }

  private mutating func hasWindowPassed() -> Bool {
    let now = HostClock.monotonicNanoseconds()
    if idleSince == 0 {
      idleSince = now
      return false
    }
    return now &- idleSince >= window.length
  }

  /// The thread has slept while `waiting` requests were under way.
  mutating func noteSleep(nanoseconds: UInt64, waiting: Int) {
    // A wake-up for nothing does not end the sleep that is learned from.
    if lastSleep == nil { lastWaiting = UInt64(waiting) }
    lastSleep = nanoseconds &+ (lastSleep ?? 0)
    passes = 0
    idleSince = 0
  }
}
