import VextProtocol

/// A vext queue in an I/O thread's polling loop, with a copy of the consumer's position.
///
/// Because of the copy, polling an empty queue touches nothing but its ring.
@safe
struct PolledDeviceQueue {
  let queue: VextDeviceQueue
  /// The queue's index among the thread's queues.
  let slot: Int
  private var head: SubmissionConsumer
  /// Number of polls in a row that found no entry. A poll that leaves entries behind because the engine is full counts as
  /// busy.
  private(set) var idleLooks: UInt32 = 0

  init(_ queue: VextDeviceQueue, slot: Int) {
    self.queue = queue
    self.slot = slot
    head = queue.head
  }

  /// Takes the available entries, as ``VextDeviceQueue/drain(engine:)`` does.
  @inline(__always)
  mutating func drain(engine: inout BlockEngine) -> Int {
    idleLooks &+= 1
    if head.isIdle { return 0 }
    let taken = queue.drain(engine: &engine)
    head = queue.head
    if !queue.isStopped { idleLooks = 0 }
    return taken
  }
}
