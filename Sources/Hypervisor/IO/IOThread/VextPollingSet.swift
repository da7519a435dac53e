/// The vext queues that an I/O thread polls.
///
/// A queue with recent work is *busy*, and every pass polls it. The others are *quiet*: a pass that found work in a busy queue
/// polls an eighth of them, and any other pass polls all. Idle guests therefore hardly slow down a busy guest, and the thread
/// finds an idle guest's first request within eight passes. From then on the queue is busy and has its turn in every pass.
struct VextPollingSet {
  /// Number of passes with work in which each quiet queue is polled once.
  private static let quietShare = 8
  /// Number of polls without work after which a busy queue becomes quiet: about 100 us.
  private static let idlePollLimit: UInt32 = 1024

  private var busy: ContiguousArray<PolledVextQueue> = []
  private var quiet: ContiguousArray<PolledVextQueue> = []
  /// Index of the busy queue at which this pass starts, so that queues take turns at being first when the engine has little room.
  private var turn = 0
  private var quietTurn = 0

  /// Adds a queue, which counts as busy at first.
  mutating func insert(_ queue: PolledVextQueue) { busy.append(queue) }

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

  /// Takes the available entries in one pass, and lists the drivers that may need a notification.
  ///
  /// - Returns: the number of requests that were taken.
  mutating func drain(
    engine: inout BlockEngine, shares: inout MachineShares, notifications: inout DeferredNotifications
  ) -> Int {
    var taken = 0
    turn = turn &+ 1 < busy.count ? turn &+ 1 : 0
    for index in turn..<busy.count { taken &+= Self.drain(&busy[index], &engine, &shares, &notifications) }
    for index in 0..<turn { taken &+= Self.drain(&busy[index], &engine, &shares, &notifications) }
    if turn < busy.count, busy[turn].idlePollCount >= Self.idlePollLimit {
      quiet.append(busy.remove(at: turn))
    }
    if !quiet.isEmpty { taken &+= drainQuiet(&engine, &shares, &notifications, all: taken == 0) }
    return taken
  }

  private mutating func drainQuiet(
    _ engine: inout BlockEngine, _ shares: inout MachineShares, _ notifications: inout DeferredNotifications,
    all: Bool
  ) -> Int {
    quietTurn = (quietTurn &+ 1) % Self.quietShare
    var taken = 0
    var index = all ? 0 : quietTurn
    while index < quiet.count {
      taken &+= Self.drain(&quiet[index], &engine, &shares, &notifications)
      if quiet[index].idlePollCount == 0 {
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
    _ polled: inout PolledVextQueue, _ engine: inout BlockEngine, _ shares: inout MachineShares,
    _ notifications: inout DeferredNotifications
  ) -> Int {
    let taken = polled.drain(engine: &engine, shares: &shares)
    if taken > 0 { notifications.note(polled.queueIndex) }
    return taken
  }
}
