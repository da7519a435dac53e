import Synchronization

/// The counters of a client's or a device's requests, one set for all threads that serve its queues.
///
/// A ``DiskActivity`` has one writer at a time. With a single server its thread counts all queues together. With several
/// servers each queue has counters of its own, because a queue can move from one thread to another.
final class DiskActivities: Sendable {
  private let isPerQueue: Bool
  private let activities = Mutex<[Int: DiskActivity]>([:])

  /// - Parameter serverCount: number of servers that the queues are spread over.
  init(serverCount: Int) { isPerQueue = serverCount > 1 }

  /// The counters of queue `index`, which keep their values when the queue is disabled.
  func activity(ofQueue index: Int) -> DiskActivity {
    activities.withLock { activities in
      let key = isPerQueue ? index : 0
      if let activity = activities[key] { return activity }
      let activity = DiskActivity()
      activities[key] = activity
      return activity
    }
  }

  /// The counts so far. The counters are read one after the other and need not agree exactly.
  var statistics: DiskStatistics {
    let activities = activities.withLock { Array($0.values) }
    var statistics = DiskStatistics()
    for activity in activities { activity.add(to: &statistics) }
    return statistics
  }
}
