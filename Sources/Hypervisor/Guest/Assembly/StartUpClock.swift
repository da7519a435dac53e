import HostSystem
import Synchronization

/// When a guest's start passed its milestones. Any thread.
public final class StartUpClock: Sendable {
  /// A point on the way from the command line to user space.
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

  /// A clock that has passed ``Milestone/entered``: made first of all, by the process's only thread.
  ///
  /// From exec(2) to here the process has done nothing but run, so its CPU time is that time.
  public init() {
    let now = HostClock.monotonicNanoseconds()
    executedNanoseconds = now - min(now, HostThread.currentCPUTimeNanoseconds())
    note(.entered, at: now)
  }

  /// Notes that `milestone` is reached now, if it is the first time.
  public func note(_ milestone: Milestone) { note(milestone, at: HostClock.monotonicNanoseconds()) }

  /// Nanoseconds from exec(2) to `milestone`, or nil where it was not reached.
  public func nanosecondsSinceExecution(_ milestone: Milestone) -> UInt64? {
    moments.withLock { $0[milestone.rawValue] }.map { $0 - executedNanoseconds }
  }

  /// Nanoseconds from exec(2) to a moment of CLOCK_MONOTONIC.
  public func nanosecondsSinceExecution(at moment: UInt64) -> UInt64 {
    moment - min(moment, executedNanoseconds)
  }

  private func note(_ milestone: Milestone, at moment: UInt64) {
    moments.withLock { moments in
      if moments[milestone.rawValue] == nil { moments[milestone.rawValue] = moment }
    }
  }
}
