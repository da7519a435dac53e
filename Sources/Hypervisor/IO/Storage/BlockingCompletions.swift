import CLinux
import HostSystem
import Synchronization

/// The completions of requests that threads carried out for one engine, until the engine takes them.
final class BlockingCompletions: Sendable {
  private let completions: Mutex<ContiguousArray<AIOCompletion>>
  /// Number of completions that nobody has taken. The release in ``add(_:)`` pairs with the acquire in ``take()``.
  private let count = Atomic<Int>(0)
  private let event: Int32?

  /// - Parameters:
  ///   - capacity: the usual number of completions at a time.
  ///   - event: an eventfd that each completion signals, open as long as requests are in flight.
  init(capacity: Int, event: Int32?) {
    var completions: ContiguousArray<AIOCompletion> = []
    // Reserved now, because the I/O thread allocates nothing later.
    completions.reserveCapacity(capacity)
    self.completions = Mutex(completions)
    self.event = event
  }

  /// Adds one, on the thread that carried the request out.
  func add(_ completion: AIOCompletion) {
    completions.withLock { $0.append(completion) }
    count.add(1, ordering: .releasing)
    if let event { _ = linux_eventfd_add(event, 1) }
  }

  /// Takes one completion, if there is one; one load if there is none. The engine's thread only.
  @inline(__always)
  func take() -> AIOCompletion? {
    guard count.load(ordering: .acquiring) > 0 else { return nil }
    count.subtract(1, ordering: .relaxed)
    return completions.withLock { $0.popLast() }
  }
}
