/// Decides which queue moves from a busy I/O thread to an idle one, by what a series of windows measured.
///
/// A queue moves if its thread was the busiest one, and another of the same NUMA node so much idler that the busier of the two gets
/// relief, for ``windowsBeforeMove`` windows in a row. A queue that has moved rests, twice as long after each further move, so that a
/// load that changes at the wrong moments moves a queue a few times and then no more.
struct QueueBalance {
  /// What a window measured of a thread.
  struct ThreadLoad {
    /// The thread's NUMA node; nil: not one alone.
    var node: Int?
    /// The part of the time for which the thread had work: 0 to 1.
    var busyShare: Double
    var queues: [QueueLoad] = []
  }

  /// What a window measured of a queue.
  struct QueueLoad {
    let queue: ObjectIdentifier
    /// Requests that were taken from the queue in the window.
    var takenCount: UInt64
  }

  /// A decision: places are those of the threads in the window.
  struct Move: Equatable {
    let queue: ObjectIdentifier
    let from: Int
    let to: Int
  }

  /// A thread is busy from this part of the time on.
  static let busyShare = 0.75
  /// The busier one of two threads must lose at least this part of the time by a move.
  static let leastGain = 0.15
  /// Number of windows in a row that must lead to a move of the same direction.
  static let windowsBeforeMove = 3
  /// Number of windows for which a queue rests after its first move.
  static let firstRest: UInt64 = 8
  /// The longest rest, in windows: minutes.
  static let longestRest: UInt64 = 1024

  private struct Rest {
    var until: UInt64
    var length: UInt64
  }

  private var window: UInt64 = 0
  private var candidate: (from: Int, to: Int, windows: Int)?
  private var rests: [ObjectIdentifier: Rest] = [:]

  /// Call after each window. Returns the move that is due; at most one, because it changes what the next window measures.
  mutating func move(after threads: [ThreadLoad]) -> Move? {
    window &+= 1
    forgetFormerQueues(threads)
    guard let best = bestMove(threads) else {
      candidate = nil
      return nil
    }
    let windows = candidate.map { $0.from == best.from && $0.to == best.to ? $0.windows + 1 : 1 } ?? 1
    guard windows >= Self.windowsBeforeMove else {
      candidate = (best.from, best.to, windows)
      return nil
    }
    candidate = nil
    let length = rests[best.queue].map { min($0.length * 2, Self.longestRest) } ?? Self.firstRest
    rests[best.queue] = Rest(until: window &+ length, length: length)
    return best
  }

  /// Call instead after a window in which no thread was busy, so that nothing was measured.
  mutating func noteCalm() {
    window &+= 1
    candidate = nil
  }

  /// The move that gives the busiest thread most relief.
  private func bestMove(_ threads: [ThreadLoad]) -> Move? {
    let order = threads.indices.sorted { threads[$0].busyShare > threads[$1].busyShare }
    for from in order where threads[from].busyShare >= Self.busyShare {
      guard let to = order.last(where: { $0 != from && threads[$0].node == threads[from].node }),
        let queue = bestQueue(from: threads[from], to: threads[to])
      else { continue }
      return Move(queue: queue, from: from, to: to)
    }
    return nil
  }

  /// The queue whose move leaves the busier one of two threads the idlest.
  private func bestQueue(from: ThreadLoad, to: ThreadLoad) -> ObjectIdentifier? {
    let total = from.queues.reduce(0.0) { $0 + Double($1.takenCount) }
    guard total > 0 else { return nil }
    var best: (queue: ObjectIdentifier, share: Double)?
    for load in from.queues where load.takenCount > 0 && !isResting(load.queue) {
      let part = from.busyShare * Double(load.takenCount) / total
      let share = max(from.busyShare - part, to.busyShare + part)
      if share <= from.busyShare - Self.leastGain, share < best?.share ?? .infinity {
        best = (load.queue, share)
      }
    }
    return best?.queue
  }

  private func isResting(_ queue: ObjectIdentifier) -> Bool {
    rests[queue].map { window < $0.until } ?? false
  }

  private mutating func forgetFormerQueues(_ threads: [ThreadLoad]) {
    guard !rests.isEmpty else { return }
    let present = Set(threads.flatMap { $0.queues.map(\.queue) })
    rests = rests.filter { present.contains($0.key) }
  }
}
