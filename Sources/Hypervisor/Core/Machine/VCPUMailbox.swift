import HostSystem
import Synchronization
import SystemPackage

/// What other threads want of a vCPU's thread, which looks for it whenever KVM_RUN was interrupted.
final class VCPUMailbox: Sendable {
  typealias Task = @Sendable () -> Void

  /// What the vCPU's thread is to do next.
  enum Command {
    /// Run the guest.
    case nothing
    /// Run the guest, which did not run for a while.
    case resumption
    /// Wait for another command.
    case park
    case task(Task)
    case stop
  }

  private struct State {
    /// Whether there is a thread that takes commands.
    var isOpen = false
    var wantsStop = false
    var wantsPause = false
    var isParked = false
    var tasks: [Task] = []
  }

  private let state = Mutex(State())
  private let event: EventDescriptor

  init() throws(Errno) { event = try EventDescriptor() }

  /// Whether the vCPU's thread is there.
  var isOpen: Bool { state.withLock { $0.isOpen } }

  /// Whether the guest's code is at rest: the thread waits, or is not there.
  var isAtRest: Bool { state.withLock { $0.isParked || !$0.isOpen } }

  /// From now on there is a thread that takes commands.
  func open() { state.withLock { $0.isOpen = true } }

  /// Asks the thread to end; cannot be taken back.
  func requestStop() {
    state.withLock { $0.wantsStop = true }
    event.signal()
  }

  /// Asks the thread to wait, or to wait no longer.
  func setPause(_ wanted: Bool) {
    state.withLock { $0.wantsPause = wanted }
    event.signal()
  }

  /// Leaves `task` to the thread.
  ///
  /// - Returns: false where there is no thread: then the task was done here and now.
  func post(_ task: @escaping Task) -> Bool {
    let isPosted = state.withLock { state in
      if state.isOpen { state.tasks.append(task) } else { task() }
      return state.isOpen
    }
    event.signal()
    return isPosted
  }

  /// The vCPU's thread: what comes next, and what it is in from now on.
  func take() -> Command {
    state.withLock { state in
      if !state.tasks.isEmpty { return .task(state.tasks.removeFirst()) }
      if state.wantsStop { return .stop }
      if state.wantsPause {
        state.isParked = true
        return .park
      }
      defer { state.isParked = false }
      return state.isParked ? .resumption : .nothing
    }
  }

  /// The vCPU's thread: sleeps until there may be a command.
  func waitForCommand() {
    event.wait()
    event.drain()
  }

  /// The vCPU's thread, last of all: does what was asked until now, and takes no more.
  func close() {
    state.withLock { state in
      for task in state.tasks { task() }
      state.tasks = []
      state.isParked = false
      state.isOpen = false
    }
  }
}
