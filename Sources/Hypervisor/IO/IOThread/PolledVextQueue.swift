import VextProtocol

/// A vext queue in an I/O thread's polling loop, with a copy of the consumer's position.
///
/// Because of the copy, polling an empty queue touches nothing but its ring.
@safe
struct PolledVextQueue {
  // SAFETY: the copied position points into the ring of `queue`, which is kept alive here.
  let queue: VextDeviceQueue
  /// The queue's index among the thread's queues.
  let queueIndex: Int
  /// The queue's machine in the thread's ``MachineShares``.
  private let machine: Int
  /// The limits of the queue's disk; nil: none.
  private let throttle: DiskThrottle?
  private var head: VextSubmissionConsumer
  /// Number of polls in a row that found no entry. A poll that leaves entries behind because the engine is full counts as
  /// busy.
  private(set) var idlePollCount: UInt32 = 0

  init(_ queue: VextDeviceQueue, queueIndex: Int, machine: Int) {
    self.queue = queue
    self.queueIndex = queueIndex
    self.machine = machine
    throttle = queue.share.throttle
    head = queue.head
  }

  /// Takes the available entries, as ``VextDeviceQueue/drain(engine:limit:)`` does, as far as its machine and its disk may.
  @inline(__always)
  mutating func drain(engine: inout BlockEngine, shares: inout MachineShares) -> Int {
    if shares.isServed(machine) { return 0 }
    idlePollCount &+= 1
    if head.isIdle { return 0 }
    let queue = queue
    let taken = shares.serve(machine, throttle, &engine) { engine, limit in
      queue.drain(engine: &engine, limit: limit)
    }
    head = queue.head
    if !queue.isStopped { idlePollCount = 0 }
    return taken
  }
}
