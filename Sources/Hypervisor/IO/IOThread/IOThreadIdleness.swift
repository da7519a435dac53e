import HostSystem
import VextProtocol

/// Decides when an adaptive I/O thread goes to sleep: once it had no work for the whole poll window, or at once while polling
/// is not worth its CPU time.
///
/// The window adapts to the length of earlier sleeps (docs/vext-protocol.md §8.1).
struct IOThreadIdleness {
  /// The shortest window: about the cost of a wake-up, because a shorter one would hardly ever meet the next request.
  static let shortestWindowNanoseconds: UInt64 = 8_000
  /// The longest window: as long as KVM's halt polling (halt_poll_ns), and longer than a request on a fast disk.
  ///
  /// With many requests in flight the limit is a multiple of it (``VextPollingWindow``).
  static let longestWindowNanoseconds: UInt64 = 200_000
  /// Number of passes between two readings of the clock.
  private static let passesPerClockReading: UInt32 = 16

  private(set) var window = VextPollingWindow(
    start: Self.shortestWindowNanoseconds, limit: Self.longestWindowNanoseconds)
  private var passes: UInt32 = 0
  /// The first clock reading without work; 0 if the thread had work since.
  private var idleSince: UInt64 = 0
  /// Length of the last sleep, as long as no work has followed it.
  private var lastSleep: UInt64?
  /// Number of requests that were in flight when the last sleep began.
  private var lastWaiting: UInt64 = 0
  /// The last reading of the clock (CLOCK_MONOTONIC); 0 before the first.
  private(set) var clock: UInt64 = 0
  /// Whether other threads wait for the thread's CPU: then it sleeps as soon as it finds nothing.
  var isCPUShared = false
  private let adaptsToLoad: Bool
  private var load = VextLoadMeter()
  /// Whether the load is low, so that the thread sleeps as soon as it finds nothing.
  private(set) var isLoadLow = false
  /// End of the last sleep; 0 before the first.
  private var lastSleepEnd: UInt64 = 0

  /// - Parameter adaptsToLoad: whether the thread sleeps at once at low load.
  init(adaptsToLoad: Bool = true) { self.adaptsToLoad = adaptsToLoad }

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
  /// thread awake; so it does while the CPU is shared or the load is low.
  @inline(__always)
  mutating func isTimeToSleep() -> Bool {
    if lastSleep != nil || isCPUShared || isLoadLow { return true }
    passes &+= 1
    guard passes % Self.passesPerClockReading == 0 else { return false }
    return hasWindowPassed()
  }

  private mutating func hasWindowPassed() -> Bool {
    let now = HostClock.monotonicNanoseconds()
    clock = now
    if idleSince == 0 {
      idleSince = now
      return false
    }
    return now &- idleSince >= window.length
  }

  /// Call after a sleep from `start` to `end` (CLOCK_MONOTONIC), during which `waiting` requests were in flight.
  mutating func noteSleep(from start: UInt64, to end: UInt64, waiting: Int) {
    let slept = end &- start
    // A wake-up without work does not end a sleep: the window learns from the sum.
    if lastSleep == nil { lastWaiting = UInt64(waiting) }
    lastSleep = slept &+ (lastSleep ?? 0)
    passes = 0
    idleSince = 0
    clock = end
    if adaptsToLoad { noteLoad(slept: slept, until: end, isIdle: waiting == 0) }
  }

  private mutating func noteLoad(slept: UInt64, until end: UInt64, isIdle: Bool) {
    if lastSleepEnd != 0 {
      let span = end &- lastSleepEnd
      load.add(busy: isIdle ? span &- slept : span, of: span)
      isLoadLow = load.isLow
    }
    lastSleepEnd = end
  }
}
