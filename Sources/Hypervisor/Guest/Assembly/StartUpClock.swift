import HostSystem
import Synchronization

/// The times of a guest's start-up milestones. Any thread.
public final class StartUpClock: Sendable {
  /// A point between the command line and user space.
  public enum Milestone: Int, CaseIterable, Sendable {
    /// The process's main function ran.
    case entered
    /// The kernel and its RAM disk are in guest memory.
    case loaded
    /// The guest's init wrote to `GuestProgressPort`.
    case initRunning
  }

  private let moments = Mutex([UInt64?](repeating: nil, count: Milestone.allCases.count))
  private let executedNanoseconds: UInt64

  /// Makes a clock that has passed ``Milestone/entered``. Call it first of all, on the process's only thread.
  ///
  /// The CPU time of the process counts as the time since exec(2), because the process has done nothing else so far.
  public init() {
    let now = HostClock.monotonicNanoseconds()
    executedNanoseconds = now - min(now, HostThread.currentCPUTimeNanoseconds())
    note(.entered, at: now)
  }

  /// Records that `milestone` is reached now, unless it was reached before.
  public func note(_ milestone: Milestone) { note(milestone, at: HostClock.monotonicNanoseconds()) }

  /// Nanoseconds from exec(2) to `milestone`; nil if it was not reached.
  public func nanosecondsSinceExecution(_ milestone: Milestone) -> UInt64? {
    moments.withLock { $0[milestone.rawValue] }.map { $0 - executedNanoseconds }
  }

  /// Nanoseconds from exec(2) to `moment`, a reading of CLOCK_MONOTONIC.
  public func nanosecondsSinceExecution(at moment: UInt64) -> UInt64 {
    moment - min(moment, executedNanoseconds)
  }

  private func note(_ milestone: Milestone, at moment: UInt64) {
    moments.withLock { moments in
      if moments[milestone.rawValue] == nil { moments[milestone.rawValue] = moment }
    }
  }
}
