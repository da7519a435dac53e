import HostSystem

/// Decides when a log gets its next line: rarely enough to be read, often enough that a CI does not think the job dead.
///
/// Used by one thread.
final class LinePace {
  private let intervalNanoseconds: UInt64
  private let clock: () -> UInt64
  private var last: UInt64

  /// A pace of one line in `intervalSeconds`; the first one after as long.
  init(
    intervalSeconds: Double = 10, clock: @escaping () -> UInt64 = { HostClock.monotonicNanoseconds() }
  ) {
    intervalNanoseconds = UInt64(max(0, min(intervalSeconds, 86_400)) * 1e9)
    self.clock = clock
    last = clock()
  }

  /// Whether it is time for a line; if so, the next one is due an interval later.
  func isDue() -> Bool {
    let now = clock()
    guard now >= last, now - last >= intervalNanoseconds else { return false }
    last = now
    return true
  }
}
