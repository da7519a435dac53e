/// Interrupts that an I/O thread still has to raise: at the end of the pass, and again later.
///
/// The second list holds queues whose driver may have gone to sleep while ``IOQueue/notifyDriver()`` ran; each needs a
/// ``IOQueue/confirmWake()``. The cost of a pass depends on the number of listed queues, not on the number of attached ones.
struct DeferredNotifications {
  /// Number of busy passes after which sleeping drivers are checked at the latest; an idle pass checks them at once.
  private static let busyPassLimit = 16

  /// A set of slot numbers, in the order of their insertion.
  private struct Slots {
    private(set) var list: ContiguousArray<Int> = []
    /// For each slot, whether ``insert(_:)`` ignores it: it is in the list, or it was opened as not wanted.
    private var isClosed: ContiguousArray<Bool> = []

    var isEmpty: Bool { list.isEmpty }

    /// Removes the slot from the list, and says whether later insertions count.
    mutating func open(_ slot: Int, _ isWanted: Bool) {
      list.removeAll { $0 == slot }
      while isClosed.count <= slot { isClosed.append(true) }
      isClosed[slot] = !isWanted
    }

    @inline(__always)
    mutating func insert(_ slot: Int) {
      guard !isClosed[slot] else { return }
      isClosed[slot] = true
      list.append(slot)
    }

    mutating func removeAll() {
      for slot in list { isClosed[slot] = false }
      list.removeAll(keepingCapacity: true)
    }
  }

  private var pending = Slots()
  private var unconfirmed = Slots()
  private var busyPasses = 0

  /// Registers the queue in `slot`.
  ///
  /// - Parameter hasListener: whether its driver may ask for interrupts; other queues are never listed.
  mutating func attach(_ slot: Int, hasListener: Bool) {
    pending.open(slot, hasListener)
    unconfirmed.open(slot, hasListener)
  }

  /// Lists the queue in `slot`, which completed a request or took one from its ring.
  @inline(__always)
  mutating func note(_ slot: Int) { pending.insert(slot) }

  /// Ends a pass: notifies the drivers of listed queues, and checks drivers that may have gone to sleep.
  ///
  /// - Parameters:
  ///   - slots: the attached queues, nil for a slot that is free.
  ///   - confirming: whether to check sleeping drivers now, because the pass found nothing to do or took long.
  @inline(__always)
  mutating func finishPass(_ slots: borrowing [(any IOQueue)?], confirming: Bool) {
    if !pending.isEmpty { notify(slots) }
    if unconfirmed.isEmpty { return }
    busyPasses &+= 1
    if confirming || busyPasses >= Self.busyPassLimit { confirmWake(slots) }
  }

  private mutating func notify(_ slots: borrowing [(any IOQueue)?]) {
    for slot in pending.list where slots[slot]?.notifyDriver() == true { unconfirmed.insert(slot) }
    pending.removeAll()
  }

  /// Checks every driver that may have gone to sleep, and wakes those that did.
  mutating func confirmWake(_ slots: borrowing [(any IOQueue)?]) {
    busyPasses = 0
    for slot in unconfirmed.list { slots[slot]?.confirmWake() }
    unconfirmed.removeAll()
  }
}
