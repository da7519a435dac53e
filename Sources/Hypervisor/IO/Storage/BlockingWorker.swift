import CLinux
import Glibc
import HostSystem
import Synchronization
import SystemPackage

/// A thread that carries out for one engine what would keep the I/O thread from its other queues: ranges to discard or to zero, and
/// large transfers through the page cache.
///
/// The thread takes requests in their order. The engine's thread calls every method.
final class BlockingWorker: Sendable {
  /// One request, whose vectors and memory stay valid until ``take()`` returned its completion.
  @safe
  struct Request: @unchecked Sendable {
    let operation: BlockOperation
    let disk: DiskHandle
    let vectors: UnsafePointer<iovec>
    let vectorCount: Int
    let offset: UInt64
    let byteCount: UInt64
    let token: UInt64
  }

  private struct State {
    /// Waiting requests, the oldest at ``first``.
    var requests: ContiguousArray<Request> = []
    var first = 0
    var completions: ContiguousArray<AIOCompletion> = []
    var isStopping = false
  }

  /// What the thread needs, so that the thread does not keep the worker alive.
  private final class Core: Sendable {
    let state: Mutex<State>
    let event: EventDescriptor
    /// Number of completions that nobody has taken. The release in `complete()` pairs with the acquire in ``take()``.
    let completionCount = Atomic<Int>(0)
    private let completionEvent: Int32?

    init(capacity: Int, completionEvent: Int32?) throws(Errno) {
      var state = State()
      // Reserved now, because the I/O thread allocates nothing later.
      state.requests.reserveCapacity(capacity)
      state.completions.reserveCapacity(capacity)
      self.state = Mutex(state)
      event = try EventDescriptor()
      self.completionEvent = completionEvent
    }

    /// Waits for the next request; nil at the end.
    func next() -> Request? {
      while true {
        let (request, isStopping) = state.withLock { state -> (Request?, Bool) in
          guard state.first < state.requests.count else { return (nil, state.isStopping) }
          let request = state.requests[state.first]
          state.first += 1
          if state.first == state.requests.count {
            state.requests.removeAll(keepingCapacity: true)
            state.first = 0
          }
          return (request, false)
        }
        if let request { return request }
        if isStopping { return nil }
        event.wait()
        event.drain()
      }
    }

    func complete(_ completion: AIOCompletion) {
      state.withLock { $0.completions.append(completion) }
      completionCount.add(1, ordering: .releasing)
      if let completionEvent { _ = linux_eventfd_add(completionEvent, 1) }
    }
  }

  private let core: Core
  private let thread: HostThread

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - capacity: the largest number of requests between ``start(_:)`` and ``take()``.
  ///   - completionEvent: an eventfd that each completion signals, open as long as the worker lives.
  init(capacity: Int, completionEvent: Int32?) throws(Errno) {
    let core = try Core(capacity: capacity, completionEvent: completionEvent)
    self.core = core
    thread = try HostThread(name: "io-blocking", cpus: nil, kind: .io) {
      while let request = core.next() {
        let result = unsafe BlockEngine.perform(
          request.operation, on: request.disk, vectors: request.vectors, vectorCount: request.vectorCount,
          offset: request.offset, byteCount: request.byteCount)
        core.complete(AIOCompletion(token: request.token, result: result))
      }
    }
  }

  /// Waits for the requests that were started.
  deinit {
    core.state.withLock { $0.isStopping = true }
    core.event.signal()
    thread.join()
  }

  /// Starts a request.
  func start(_ request: Request) {
    core.state.withLock { state in
      if state.requests.count == state.requests.capacity, state.first > 0 {
        state.requests.removeSubrange(..<state.first)
        state.first = 0
      }
      state.requests.append(request)
    }
    core.event.signal()
  }

  /// Takes one completion, if there is one; one load if there is none.
  @inline(__always)
  func take() -> AIOCompletion? {
    guard core.completionCount.load(ordering: .acquiring) > 0 else { return nil }
    core.completionCount.subtract(1, ordering: .relaxed)
    return core.state.withLock { $0.completions.popLast() }
  }
}
