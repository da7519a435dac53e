/// The vext queues that an I/O thread polls.
///
/// A queue that had something lately is *busy*, and looked at in every pass. The others are *quiet*: a pass that found work in
/// a busy queue looks at an eighth of them, every other pass at all of them. So many idle guests hardly slow down a busy one,
/// and an idle one's first request is seen in eight passes at most. From then on its queue is busy, and so first in its turn,
/// whatever the others keep the thread with.
struct VextPollingSet {
  /// The number of passes with work in which a quiet queue is looked at once.
  private static let quietShare = 8
  /// Looks without work that make a busy queue a quiet one: some 100 us.
  private static let patience: UInt32 = 1024

  private var busy: ContiguousArray<PolledDeviceQueue> = []
  private var quiet: ContiguousArray<PolledDeviceQueue> = []
  /// The busy queue at which this pass starts, so that none is always first where the engine has little room.
  private var turn = 0
  private var quietTurn = 0

  /// Adds a queue, which counts as busy at first.
  mutating func insert(_ queue: PolledDeviceQueue) { busy.append(queue) }

  /// Removes the queue, if it is there.
  mutating func remove(_ queue: any IOQueue) {
    busy.removeAll { $0.queue === queue }
    quiet.removeAll { $0.queue === queue }
  }

  /// Calls `body` for every queue.
  func forEach(_ body: (VextDeviceQueue) -> Void) {
    for polled in busy { body(polled.queue) }
    for polled in quiet { body(polled.queue) }
  }

  /// One pass: takes the available entries, and notes which drivers may need a notification.
  ///
  /// - Returns: how many requests were taken.
  mutating func drain(engine: inout BlockEngine, notifications: inout DeferredNotifications) -> Int {
    var taken = 0
    turn = turn &+ 1 < busy.count ? turn &+ 1 : 0
    for index in turn..<busy.count { taken &+= Self.drain(&busy[index], &engine, &notifications) }
    for index in 0..<turn { taken &+= Self.drain(&busy[index], &engine, &notifications) }
    if turn < busy.count, busy[turn].idleLooks >= Self.patience { quiet.append(busy.remove(at: turn)) }
    if !quiet.isEmpty { taken &+= drainQuiet(&engine, &notifications, all: taken == 0) }
    return taken
  }

  private mutating func drainQuiet(
    _ engine: inout BlockEngine, _ notifications: inout DeferredNotifications, all: Bool
  ) -> Int {
    quietTurn = (quietTurn &+ 1) % Self.quietShare
    var taken = 0
    var index = all ? 0 : quietTurn
    while index < quiet.count {
      taken &+= Self.drain(&quiet[index], &engine, &notifications)
      if quiet[index].idleLooks == 0 {
        quiet.swapAt(index, quiet.count - 1)
        busy.append(quiet.removeLast())
      } else {
        index &+= all ? 1 : Self.quietShare
      }
    }
    return taken
  }

  @inline(__always)
  private static func drain(
    _ polled: inout PolledDeviceQueue, _ engine: inout BlockEngine,
    _ notifications: inout DeferredNotifications
  ) -> Int {
    let taken = polled.drain(engine: &engine)
    if taken > 0 { notifications.note(polled.slot) }
    return taken
  }
}
