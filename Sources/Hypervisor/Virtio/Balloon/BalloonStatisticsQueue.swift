import Synchronization

/// The statistics queue between DRIVER_OK and reset (virtio 1.2 §5.5.6.3).
///
/// The driver offers a buffer with its values, and offers it again with new ones each time that the device returns it.
final class BalloonStatisticsQueue: Sendable {
  /// The last values, with the number of earlier ones.
  struct Reading: Sendable {
    var statistics = BalloonStatistics()
    var number: UInt64 = 0
  }

  private struct State {
    var reading = Reading()
    var heldHead: UInt16?
    /// The number of the requested reading.
    var wantedNumber: UInt64 = 0
  }

  /// Maximum size of a buffer; there are far fewer tags.
  private static let byteLimit = 64 * BalloonStatistics.entryByteCount
  private static let chainLimitPerPass = 16

  private let state = Mutex(State())

  /// The last reading.
  var reading: Reading { state.withLock { $0.reading } }

  /// Requests a new reading, and returns its number. The caller must kick the queue.
  func request() -> UInt64 {
    state.withLock { state in
      state.wantedNumber = state.reading.number &+ 1
      return state.wantedNumber
    }
  }

  /// Serves `queue` on its device thread.
  func serve(_ queue: ServedVirtqueue) {
    handBack(queue)
    for _ in 0..<Self.chainLimitPerPass {
      guard let chain = queue.next() else { return }
      let bytes = chain.read(Self.byteLimit)
      let statistics = BalloonStatistics(bytes)
      let head = chain.head
      let extra = state.withLock { state in
        state.reading.statistics = statistics
        state.reading.number &+= 1
        defer { state.heldHead = head }
        return state.heldHead
      }
      // A driver offers one buffer; the device keeps one of several.
      if let extra { queue.complete(head: extra) }
      handBack(queue)
    }
    queue.notifyAgain()
  }

  /// Returns the buffer to the driver if a new reading is wanted.
  private func handBack(_ queue: ServedVirtqueue) {
    let head = state.withLock { state -> UInt16? in
      guard state.wantedNumber > state.reading.number, let head = state.heldHead else { return nil }
      state.heldHead = nil
      return head
    }
    if let head { queue.complete(head: head) }
  }
}
