import HostSystem
import Synchronization

/// A vext device's log of its guest's mistakes. Any thread; never on the data path.
///
/// The number of lines is limited, because a hostile guest must not fill the host's log. ``LogWriter`` writes them on its
/// own thread.
final class VextLog: Sendable {
  private let device: String
  private let writer: LogWriter
  private let budget: VextLogBudget

  /// A log whose lines start with `device`.
  ///
  /// - Parameter budget: the lines that it may write, together with other logs of the same budget.
  init(device: String, writer: LogWriter = .shared, budget: VextLogBudget = VextLogBudget()) {
    self.device = device
    self.writer = writer
    self.budget = budget
  }

  /// A log of another name with the same writer.
  func renamed(_ device: String, budget: VextLogBudget) -> VextLog {
    VextLog(device: device, writer: writer, budget: budget)
  }

  /// Writes a warning, unless the budget is used up.
  func warn(_ message: String) {
    let left = budget.take(at: HostClock.monotonicNanoseconds())
    guard left > 0 else { return }
    writer.write("\(device) \(message)")
    if left == 1 { writer.write("\(device) further messages are left out") }
  }

  /// Waits until all lines are written, for at most 0.1 s, because the log's reader may be blocked.
  func flush() { writer.flush() }
}

/// How many lines one or several logs may still write. Any thread.
final class VextLogBudget: Sendable {
  /// Lines at most, after a long silence.
  private static let lineLimit: UInt64 = 64

  private let state = Mutex((left: lineLimit, since: UInt64(0)))
  private let renewalNanoseconds: UInt64?

  /// - Parameter renewalNanoseconds: the time after which one more line may be written; nil: 64 are all.
  init(renewalNanoseconds: UInt64? = nil) { self.renewalNanoseconds = renewalNanoseconds }

  /// Takes a line at a time of the monotonic clock.
  ///
  /// - Returns: the number of lines that were left with this one; 0: none.
  func take(at now: UInt64) -> UInt64 {
    state.withLock { state in
      if state.left == Self.lineLimit { state.since = now }
      if let renewalNanoseconds {
        let count = now.subtractingWithoutUnderflow(state.since) / renewalNanoseconds
        state.left = min(state.left &+ count, Self.lineLimit)
        state.since &+= count &* renewalNanoseconds
      }
      guard state.left > 0 else { return 0 }
      state.left -= 1
      return state.left + 1
    }
  }
}
