import CLinux
import Glibc
import HostSystem
import Synchronization
import SystemPackage

/// Threads that carry out what would keep an I/O thread from its other queues: ranges to discard or to zero, large transfers
/// through the page cache, and every request on an image that is not raw.
///
/// The threads take requests in their order.
final class BlockingThreads: Sendable {
  /// One request, whose vectors and memory stay valid until its completion was taken.
  struct Request: Sendable {
    let operation: BlockOperation
    let disk: DiskHandle
    let vectors: IOVectors
    let offset: UInt64
    let byteCount: UInt64
    let token: UInt64
    /// Where the completion goes.
    let completions: BlockingCompletions
  }

  private struct State {
    /// Waiting requests, the oldest at ``first``.
    var requests: ContiguousArray<Request> = []
    var first = 0
    var isStopping = false
  }

  /// What the threads need, so that they do not keep their owner alive.
  private final class Core: Sendable {
    let state: Mutex<State>
    let event: EventDescriptor

    init(capacity: Int) throws(Errno) {
      var state = State()
      // Reserved now, because the I/O thread allocates nothing later.
      state.requests.reserveCapacity(capacity)
      self.state = Mutex(state)
      event = try EventDescriptor()
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
        if isStopping {
          // The next thread has to wake up too.
          event.signal()
          return nil
        }
        event.wait()
        event.drain()
      }
    }
  }

  private let core: Core
  private let threads: [HostThread]

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - name: what the kernel calls the threads.
  ///   - capacity: the usual number of requests that wait.
  init(name: String, threadCount: Int, capacity: Int) throws(Errno) {
    let core = try Core(capacity: capacity)
    self.core = core
    var threads: [HostThread] = []
    for _ in 0..<threadCount {
      do throws(Errno) {
        threads.append(
          try HostThread(name: name, cpus: nil, kind: .io) {
            while let request = core.next() {
              let result = BlockEngine.perform(
                request.operation, on: request.disk, vectors: request.vectors, offset: request.offset,
                byteCount: request.byteCount)
              request.completions.add(AIOCompletion(token: request.token, result: result))
            }
          })
      } catch {
        Self.stop(core, threads)
        throw error
      }
    }
    self.threads = threads
  }

  /// Waits for the requests that were started.
  deinit { Self.stop(core, threads) }

  private static func stop(_ core: Core, _ threads: [HostThread]) {
    core.state.withLock { $0.isStopping = true }
    core.event.signal()
    for thread in threads { thread.join() }
  }

  /// Starts a request. Any thread.
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
}
