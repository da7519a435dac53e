import HostSystem
import Synchronization

/// The times of a guest's start-up milestones. Any thread.
public final class StartUpClock: Sendable {
  /// A point between the command line and user space.
  public enum Milestone: Sendable {
    /// The process's main function ran.
    case entered
    /// The kernel and its RAM disk are in guest memory.
    case loaded
    /// The guest's init wrote to `GuestProgressPort`.
    case initRunning
  }

  // Readings of CLOCK_MONOTONIC; 0 before.
  private let entered = Atomic<UInt64>(0)
  private let loaded = Atomic<UInt64>(0)
  private let initRunning = Atomic<UInt64>(0)
  private let executedNanoseconds: UInt64

  /// Makes a clock that has passed ``Milestone/entered``. Call it first of all, on the process's only thread.
  ///
  /// The CPU time of the process counts as the time since exec(2), because the process has done nothing else so far.
  public init() {
    let now = HostClock.monotonicNanoseconds()
    executedNanoseconds = now - min(now, HostThread.currentCPUTimeNanoseconds())
    entered.store(now, ordering: .relaxed)
  }

  /// Records that `milestone` is reached now, unless it was reached before.
  public func note(_ milestone: Milestone) {
    let now = HostClock.monotonicNanoseconds()
    // Nothing else is published with it.
    switch milestone {
    case .entered: _ = entered.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    case .loaded: _ = loaded.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    case .initRunning: _ = initRunning.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    }
  }

  /// Nanoseconds from exec(2) to `milestone`; nil if it was not reached.
  public func nanosecondsSinceExecution(_ milestone: Milestone) -> UInt64? {
    let moment =
      switch milestone {
      case .entered: entered.load(ordering: .relaxed)
      case .loaded: loaded.load(ordering: .relaxed)
      case .initRunning: initRunning.load(ordering: .relaxed)
      }
    return moment == 0 ? nil : nanosecondsSinceExecution(at: moment)
  }

  /// Nanoseconds from exec(2) to `moment`, a reading of CLOCK_MONOTONIC.
  public func nanosecondsSinceExecution(at moment: UInt64) -> UInt64 {
    moment - min(moment, executedNanoseconds)
  }
}
