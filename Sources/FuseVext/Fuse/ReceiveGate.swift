import HostSystem

/// Lets few threads wait for requests at a time, and keeps the others parked.
///
/// The kernel wakes waiting threads in turn, so that with many of them each request would meet a thread whose caches are cold, on
/// any CPU. A thread that gets a request lets a parked one in only if nobody waits any more: one request at a time is
/// served by the same two threads, many at a time by all.
final class ReceiveGate: Sendable {
  private static let waitingLimit = 2

  private struct State {
    var waitingCount = 0
    var isClosed = false
  }

  private let state = Monitor(State())

  /// Waits until the calling thread may wait for a request. False once the gate is closed.
  func enter() -> Bool {
    state.withLock(waitingWhile: { !$0.isClosed && $0.waitingCount >= Self.waitingLimit }) { state in
      state.waitingCount += 1
      return !state.isClosed
    }
  }

  /// The calling thread no longer waits.
  func leave() {
    let isLast = state.withLock { state in
      state.waitingCount -= 1
      return state.waitingCount == 0
    }
    if isLast { state.wakeOne() }
  }

  /// Lets all threads through, from now on.
  func close() {
    state.withLock { $0.isClosed = true }
    state.wakeAll()
  }
}
