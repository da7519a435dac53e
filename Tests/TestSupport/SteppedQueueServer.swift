import HostSystem
import Hypervisor
import SystemPackage

/// Serves queues as an I/O thread does, but only when a test or a fuzz target calls it.
package final class SteppedQueueServer: IOQueueServer, @unchecked Sendable {
  private var engine: BlockEngine
  private var queues: [(any IOQueue)?] = []
  private let polling: Bool

  package init(engine kind: BlockEngineKind, polling: Bool, capacity: Int) throws(Errno) {
    engine = try BlockEngine(kind: kind, capacity: capacity)
    self.polling = polling
  }

  /// The number of attached queues.
  package var attachedCount: Int { queues.count { $0 != nil } }

  /// The number of requests that the engine has.
  package var inFlight: Int { engine.inFlight }

  package func attach(_ queue: any IOQueue) {
    let index = queues.firstIndex { $0 == nil } ?? queues.count
    if index == queues.count { queues.append(queue) } else { queues[index] = queue }
    queue.begin(token: UInt64(index) << 32, polling: polling)
  }

  package func detach(_ queue: any IOQueue) {
    while queue.inFlight > 0 { reap() }
    if queue.notifyDriver() { queue.confirmWake() }
    for index in queues.indices where queues[index] === queue { queues[index] = nil }
  }

  /// Starts the available requests, in one pass over the queues.
  @discardableResult
  package func drain() -> Int {
    let count = queues.reduce(0) { $0 + ($1?.drain(engine: &engine, limit: 64) ?? 0) }
    engine.submit()
    return count
  }

  /// Answers the completed requests, and publishes the answers.
  package func reap() {
    while let completion = engine.reap() {
      queues[Int(completion.token >> 32)]?.complete(
        request: UInt32(truncatingIfNeeded: completion.token), result: completion.result)
    }
    for case let queue? in queues where queue.notifyDriver() { queue.confirmWake() }
  }

  /// Serves until nothing is left to do.
  package func serveAll() {
    repeat { reap() } while drain() > 0 || engine.inFlight > 0
    reap()
  }

  /// Whether every queue agrees that the thread may sleep.
  package func prepareToSleep() -> Bool { queues.reduce(true) { ($1?.prepareToSleep() ?? true) && $0 } }

  /// Tells every queue that the thread stays awake after a ``prepareToSleep()``.
  package func stayAwake() {
    for queue in queues {
      queue?.didWake()
      queue?.drainNotification()
    }
  }
}
