import HostSystem
import Hypervisor
import SystemPackage

/// An I/O thread without a thread: the target decides when it does what.
final class SteppedQueueServer: IOQueueServer, @unchecked Sendable {
  private var engine: BlockEngine
  private var queues: [(any IOQueue)?] = []
  private let polling: Bool

  init(engine kind: BlockEngineKind, polling: Bool) throws(Errno) {
    engine = try BlockEngine(kind: kind, capacity: 64)
    self.polling = polling
  }

  /// An engine of the input's choice; rarely libaio, whose end the kernel takes its time for.
  static func engine(_ input: inout FuzzInput) -> BlockEngineKind {
    if input.happens(oneIn: 64) { return .libaio }
    return input.pick([.sync, .null])
  }

  var attachedCount: Int { queues.count { $0 != nil } }

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

  /// One pass over all queues. A guest whose rings say something else after each answer is not waited for.
  func pass() {
    for queue in queues { _ = queue?.drain(engine: &engine) }
    engine.submit()
    reap()
    for queue in queues {
      _ = queue?.prepareToSleep()
      queue?.didWake()
      queue?.drainNotification()
    }
  }

  /// Passes until nothing is under way.
  func confirmWake() {
    pass()
    while engine.inFlight > 0 { reap() }
    pass()
  }

  private func reap() {
    while let completion = engine.reap() {
      queues[Int(completion.token >> 32)]?.complete(
        slot: UInt32(truncatingIfNeeded: completion.token), result: completion.result)
    }
    for case let queue? in queues where queue.finishPass() { queue.confirmWake() }
  }
}
