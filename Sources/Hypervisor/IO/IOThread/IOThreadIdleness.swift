import HostSystem
import VextProtocol

/// Decides when an adaptive I/O thread goes to sleep: once it had no work for the whole polling window.
///
/// The window adapts to the length of earlier sleeps (docs/vext-protocol.md §8.1).
struct IOThreadIdleness {
  /// The shortest window: about the cost of a wake-up, because a shorter one would hardly ever meet the next request.
  static let shortestWindowNanoseconds: UInt64 = 8_000
  /// The longest window: as long as KVM's halt polling (halt_poll_ns), and longer than a request on a fast disk.
  ///
  /// With many requests under way the limit is a multiple of it (``PollingWindow``).
  static let longestWindowNanoseconds: UInt64 = 200_000
  /// Number of passes between two readings of the clock.
  private static let passesPerClockReading: UInt32 = 16

  private(set) var window = PollingWindow(
    start: Self.shortestWindowNanoseconds, limit: Self.longestWindowNanoseconds)
  private var passes: UInt32 = 0
  /// The first clock reading without work; 0 if the thread had work since.
  private var idleSince: UInt64 = 0
  /// Length of the last sleep, as long as no work has followed it.
  private var lastSleep: UInt64?
  /// Number of requests that were under way when the last sleep began.
  private var lastWaiting: UInt64 = 0

  /// Call after a pass that found work.
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

  /// Call after an idle pass. Returns true once the thread has been idle for the whole window.
  ///
  /// After a wake-up without work it returns true at once, because a guest that rings without requests must not keep the
  /// thread awake.
  @inline(__always)
  mutating func isTimeToSleep() -> Bool {
    if lastSleep != nil { return true }
    passes &+= 1
    guard passes % Self.passesPerClockReading == 0 else { return false }
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

  /// Call after a sleep, during which `waiting` requests were under way.
  mutating func noteSleep(nanoseconds: UInt64, waiting: Int) {
    // A wake-up without work does not end a sleep: the window learns from the sum.
    if lastSleep == nil { lastWaiting = UInt64(waiting) }
    lastSleep = nanoseconds &+ (lastSleep ?? 0)
    passes = 0
    idleSince = 0
  }
}
