import HostSystem
import Synchronization
import SystemPackage

/// Requests of other threads to a vCPU's thread, which checks them whenever KVM_RUN was interrupted.
final class VCPUMailbox: Sendable {
  typealias Task = @Sendable () -> Void

  /// The next action of the vCPU's thread.
  enum Command {
    /// Run the guest.
    case nothing
    /// Run the guest after a pause.
    case resumption
    /// Wait for another command.
    case park
    case task(Task)
    case stop
  }

  private struct State {
    /// Whether a thread takes commands.
    var isOpen = false
    var wantsStop = false
    var wantsPause = false
    var isParked = false
    var tasks: [Task] = []
  }

  private let state = Mutex(State())
  private let event: EventDescriptor

  init() throws(Errno) { event = try EventDescriptor() }

  /// Whether the vCPU's thread takes commands.
  var isOpen: Bool { state.withLock { $0.isOpen } }

  /// Whether no guest code runs: the thread is parked, or there is none.
  var isAtRest: Bool { state.withLock { $0.isParked || !$0.isOpen } }

  /// Accepts commands from now on. The vCPU's thread exists.
  func open() { state.withLock { $0.isOpen = true } }

  /// Asks the thread to end. This cannot be undone.
  func requestStop() {
    state.withLock { $0.wantsStop = true }
    event.signal()
  }

  /// Asks the thread to pause, or to continue.
  func setPause(_ wanted: Bool) {
    state.withLock { $0.wantsPause = wanted }
    event.signal()
  }

  /// Hands `task` to the thread.
  ///
  /// - Returns: false if there is no thread; the task has then run on the caller's thread.
  func post(_ task: @escaping Task) -> Bool {
    let isPosted = state.withLock { state in
      if state.isOpen { state.tasks.append(task) } else { task() }
      return state.isOpen
    }
    event.signal()
    return isPosted
  }

  /// Returns the next command, and updates the thread's state. The vCPU's thread only.
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

  /// Sleeps until there may be a command. The vCPU's thread only.
  func waitForCommand() {
    event.wait()
    event.drain()
  }

  /// Runs the remaining tasks and accepts no more. The vCPU's thread only, at its end.
  func close() {
    state.withLock { state in
      for task in state.tasks { task() }
      state.tasks = []
      state.isParked = false
      state.isOpen = false
    }
  }
}
