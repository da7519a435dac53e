import HostSystem
import Synchronization

/// Whether threads have to wait for their CPUs: measured by the time for which they could have run and did not.
///
/// A thread that polls on such a CPU keeps others from their work, and should give it up. Any thread may call the methods, at
/// a low rate: ``isShared(at:)`` takes a lock, and reads a file of the kernel for each thread every 10 ms at most.
public final class CPUContention: Sendable {
  /// Shortest time between two measurements.
  static let intervalNanoseconds: UInt64 = 10_000_000
  /// CPUs count as shared while all threads together wait for at least the time divided by this number.
  private static let sharedDivisor: UInt64 = 8
  /// They count as shared until the share falls below this one.
  private static let unsharedDivisor: UInt64 = 32
  /// Below this part of the time nobody waits worth mentioning.
  private static let calmDivisor: UInt64 = 1024

  private struct State {
    var threads: [HostThread] = []
    var measuredAt: UInt64 = 0
    var delay: UInt64 = 0
    var isShared = false
    var isCalm = true
  }

  private let state = Mutex(State())

  /// Nothing is watched yet, and nothing counts as shared.
  public init() {}

  /// Adds a thread, of a kind for which ``HostThread/runDelayNanoseconds`` is known.
  func watch(_ thread: HostThread) {
    state.withLock { state in
      state.threads.append(thread)
      state.measuredAt = 0
    }
  }

  /// Whether hardly any thread waited before the last measurement, so that the next one can be put off.
  var isCalm: Bool { state.withLock { $0.isCalm } }

  /// Whether the threads waited for CPUs lately.
  ///
  /// - Parameter now: the present time (CLOCK_MONOTONIC).
  public func isShared(at now: UInt64) -> Bool {
    state.withLock { state in
      guard now &- state.measuredAt >= Self.intervalNanoseconds else { return state.isShared }
      let delay = state.threads.reduce(0 as UInt64) { $0 &+ ($1.runDelayNanoseconds ?? 0) }
      let elapsed = now &- state.measuredAt
      // A thread that has ended is missing from the sum.
      let waited = delay.subtractingWithoutUnderflow(state.delay)
      let isFirst = state.measuredAt == 0
      state.measuredAt = now
      state.delay = delay
      if isFirst { return state.isShared }
      state.isCalm = waited < elapsed / Self.calmDivisor
      if waited >= elapsed / Self.sharedDivisor { state.isShared = true }
      if waited < elapsed / Self.unsharedDivisor { state.isShared = false }
      return state.isShared
    }
  }
}
