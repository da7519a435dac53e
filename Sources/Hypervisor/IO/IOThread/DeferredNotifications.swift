/// Interrupts that an I/O thread still has to raise: at the end of the pass, and again later.
///
/// The second list holds queues whose driver may have gone to sleep while ``IOQueue/notifyDriver()`` ran; each needs a
/// ``IOQueue/confirmWake()``. The cost of a pass depends on the number of listed queues, not on the number of attached ones.
struct DeferredNotifications {
  /// Number of busy passes after which sleeping drivers are checked at the latest; an idle pass checks them at once.
  private static let busyPassLimit = 16

  /// A set of queues, by their indices, in the order of their insertion.
  private struct Slots {
    private(set) var list: ContiguousArray<Int> = []
    /// For each queue, whether ``insert(_:)`` ignores it: it is in the list, or it was opened as not wanted.
    private var isClosed: ContiguousArray<Bool> = []

    var isEmpty: Bool { list.isEmpty }

    /// Removes the queue from the list, and says whether later insertions count.
    mutating func open(_ queueIndex: Int, _ isWanted: Bool) {
      list.removeAll { $0 == queueIndex }
      while isClosed.count <= queueIndex { isClosed.append(true) }
      isClosed[queueIndex] = !isWanted
    }

    @inline(__always)
    mutating func insert(_ queueIndex: Int) {
      guard !isClosed[queueIndex] else { return }
      isClosed[queueIndex] = true
      list.append(queueIndex)
    }

    mutating func removeAll() {
      for queueIndex in list { isClosed[queueIndex] = false }
      list.removeAll(keepingCapacity: true)
    }
  }

  private var pending = Slots()
  private var unconfirmed = Slots()
  private var busyPasses = 0

  /// Registers the queue at `queueIndex`.
  ///
  /// - Parameter hasListener: whether its driver may ask for interrupts; other queues are never listed.
  mutating func attach(_ queueIndex: Int, hasListener: Bool) {
    pending.open(queueIndex, hasListener)
    unconfirmed.open(queueIndex, hasListener)
  }

  /// Lists the queue at `queueIndex`, which completed a request or took one from its ring.
  @inline(__always)
  mutating func note(_ queueIndex: Int) { pending.insert(queueIndex) }

  /// Ends a pass: notifies the drivers of listed queues, and checks drivers that may have gone to sleep.
  ///
  /// - Parameters:
  ///   - attachedQueues: the attached queues, nil for an index that is free.
  ///   - confirming: whether to check sleeping drivers now, because the pass found nothing to do or took long.
  @inline(__always)
  mutating func finishPass(_ attachedQueues: borrowing [(any IOQueue)?], confirming: Bool) {
    if !pending.isEmpty { notify(attachedQueues) }
    if unconfirmed.isEmpty { return }
    busyPasses &+= 1
    if confirming || busyPasses >= Self.busyPassLimit { confirmWake(attachedQueues) }
  }

  private mutating func notify(_ attachedQueues: borrowing [(any IOQueue)?]) {
    for queueIndex in pending.list where attachedQueues[queueIndex]?.notifyDriver() == true {
      unconfirmed.insert(queueIndex)
    }
    pending.removeAll()
  }

  /// Checks every driver that may have gone to sleep, and wakes those that did.
  mutating func confirmWake(_ attachedQueues: borrowing [(any IOQueue)?]) {
    busyPasses = 0
    for queueIndex in unconfirmed.list { attachedQueues[queueIndex]?.confirmWake() }
    unconfirmed.removeAll()
  }
}
