import HostSystem
import Hypervisor
import SystemPackage

/// An I/O thread without a thread: a test decides when it does what.
final class SteppedQueueServer: IOQueueServer, @unchecked Sendable {
  private var engine: BlockEngine
  private var queues: [(any IOQueue)?] = []
  private let polling: Bool

  init(engine kind: BlockEngineKind, polling: Bool, capacity: Int) throws(Errno) {
    engine = try BlockEngine(kind: kind, capacity: capacity)
    self.polling = polling
  }

  /// Queues that are attached.
  var attachedCount: Int { queues.count { $0 != nil } }

  /// Requests that the engine has.
  var inFlight: Int { engine.inFlight }

  func attach(_ queue: any IOQueue) {
    let index = queues.firstIndex { $0 == nil } ?? queues.count
    if index == queues.count { queues.append(queue) } else { queues[index] = queue }
    queue.begin(token: UInt64(index) << 32, polling: polling)
  }

  func detach(_ queue: any IOQueue) {
    while queue.inFlight > 0 { reap() }
    if queue.finishPass() { queue.confirmWake() }
    for index in queues.indices where queues[index] === queue { queues[index] = nil }
  }

  /// Takes what is available, once, and hands it to the kernel.
  @discardableResult
  func drain() -> Int {
    let count = queues.reduce(0) { $0 + ($1?.drain(engine: &engine) ?? 0) }
    engine.submit()
    return count
  }

  /// Answers what is complete, and publishes.
  func reap() {
    while let completion = engine.reap() {
      queues[Int(completion.token >> 32)]?.complete(
        slot: UInt32(truncatingIfNeeded: completion.token), result: completion.result)
    }
    for case let queue? in queues where queue.finishPass() { queue.confirmWake() }
  }

  /// Serves until nothing is left to do.
  func confirmWake() {
    repeat { reap() } while drain() > 0 || engine.inFlight > 0
    reap()
  }

  /// Whether every queue agrees that the thread may sleep.
  func prepareToSleep() -> Bool { queues.reduce(true) { ($1?.prepareToSleep() ?? true) && $0 } }
}
