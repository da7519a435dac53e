/// Which queues have something to tell their drivers at the end of a pass, and which have told it without having made sure
/// that a driver which fell asleep meanwhile is woken (``IOQueue/confirmWake()``).
///
/// A pass costs what the queues with notifications cost, not what all do.
struct DeferredNotifications {
  /// Busy passes after which drivers are made sure of: an idle pass, which comes much sooner as a rule, does it at once.
  private static let busyPassLimit = 16

  /// Numbers of slots, each once.
  private struct Slots {
    private(set) var list: ContiguousArray<Int> = []
    /// By slot: whether it is listed already, or never is.
    private var isClosed: ContiguousArray<Bool> = []

    var isEmpty: Bool { list.isEmpty }

    /// Lists the slot from now on when it is inserted, or never.
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

  /// A queue was attached in `slot`.
  ///
  /// - Parameter hasListener: Whether its driver may want to be told; of others nothing is kept.
  mutating func attach(_ slot: Int, hasListener: Bool) {
    pending.open(slot, hasListener)
    unconfirmed.open(slot, hasListener)
  }

  /// The queue in `slot` answered, or took from its ring.
  @inline(__always)
  mutating func note(_ slot: Int) { pending.insert(slot) }

  /// The pass is over: tells the drivers, and makes sure of them where there is time.
  ///
  /// - Parameters:
  ///   - slots: the attached queues; nothing is told to one that is gone.
  ///   - confirming: whether drivers are made sure of now: the pass found nothing to do, or took long.
  @inline(__always)
  mutating func finishPass(_ slots: borrowing [(any IOQueue)?], confirming: Bool) {
    if !pending.isEmpty { tell(slots) }
    if unconfirmed.isEmpty { return }
    busyPasses &+= 1
    if confirming || busyPasses >= Self.busyPassLimit { confirmWake(slots) }
  }

  private mutating func tell(_ slots: borrowing [(any IOQueue)?]) {
    for slot in pending.list where slots[slot]?.finishPass() == true { unconfirmed.insert(slot) }
    pending.removeAll()
  }

  /// Makes sure of every driver in the list.
  mutating func confirmWake(_ slots: borrowing [(any IOQueue)?]) {
    busyPasses = 0
    for slot in unconfirmed.list { slots[slot]?.confirmWake() }
    unconfirmed.removeAll()
  }
}
