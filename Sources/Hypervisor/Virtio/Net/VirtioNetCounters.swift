import Synchronization

/// The counters of one pair of queues. Its thread counts; any thread reads.
final class VirtioNetCounters: Sendable {
  let receivedFrames = Atomic<UInt64>(0)
  let receiveDrops = Atomic<UInt64>(0)
  let refusedBuffers = Atomic<UInt64>(0)
  let sentFrames = Atomic<UInt64>(0)
  let sendDrops = Atomic<UInt64>(0)

  /// Adds the counts so far to `statistics`.
  func add(to statistics: inout VirtioNetStatistics) {
    statistics.receivedFrames &+= receivedFrames.load(ordering: .relaxed)
    statistics.receiveDrops &+= receiveDrops.load(ordering: .relaxed)
    statistics.refusedBuffers &+= refusedBuffers.load(ordering: .relaxed)
    statistics.sentFrames &+= sentFrames.load(ordering: .relaxed)
    statistics.sendDrops &+= sendDrops.load(ordering: .relaxed)
  }
}

extension Atomic<UInt64> {
  /// Adds one.
  func count() { wrappingAdd(1, ordering: .relaxed) }
}
