import VextProtocol

/// A vext queue in an I/O thread's polling loop, with a copy of the place that it looks at next: of a queue without notifications
/// nothing else is touched.
@safe
struct PolledDeviceQueue {
  let queue: VextDeviceQueue
  /// Its place among the thread's queues.
  let slot: Int
  private var head: SubmissionConsumer
  /// Looks in a row that found no entry. One that waits, since the engine has no room or the thread has worked enough, is one.
  private(set) var idleLooks: UInt32 = 0

  init(_ queue: VextDeviceQueue, slot: Int) {
    self.queue = queue
    self.slot = slot
    unsafe head = queue.head
  }

  /// Takes the available entries, as ``VextDeviceQueue/drain(engine:)`` does.
  @inline(__always)
  mutating func drain(engine: inout BlockEngine) -> Int {
    idleLooks &+= 1
    if unsafe head.isIdle { return 0 }
    let taken = queue.drain(engine: &engine)
    unsafe head = queue.head
    if !queue.isStopped { idleLooks = 0 }
    return taken
  }
}
