import HostSystem
import Synchronization

/// What one I/O thread does for one disk. That thread alone counts, any thread reads.
final class DiskActivity: Sendable {
  private let reads = Atomic<UInt64>(0)
  private let writes = Atomic<UInt64>(0)
  private let flushes = Atomic<UInt64>(0)
  private let discards = Atomic<UInt64>(0)
  private let readBytes = Atomic<UInt64>(0)
  private let writtenBytes = Atomic<UInt64>(0)
  private let inFlight = Atomic<UInt64>(0)
  private let maximumInFlight = Atomic<UInt64>(0)
  private let serviceTicks = Atomic<UInt64>(0)
  private let maximumServiceTicks = Atomic<UInt64>(0)
  private let finished = Atomic<UInt64>(0)
  /// The TSC and the clock at one moment: together with another such pair they tell how long a tick is.
  private let origin = (ticks: SpinHint.timestampCounter(), nanoseconds: HostClock.monotonicNanoseconds())

  /// Counts a request that begins.
  ///
  /// - Returns: what ``finish(startedAt:)`` is to be given at its end, in ticks of the TSC.
  @inline(__always)
  func begin(_ operation: BlockOperation, byteCount: UInt64) -> UInt64 {
    switch operation {
    case .read:
      reads.add(1)
      readBytes.add(byteCount)
    case .write, .durableWrite:
      writes.add(1)
      writtenBytes.add(byteCount)
    case .flush: flushes.add(1)
    case .discard, .writeZeroes: discards.add(1)
    }
    let depth = inFlight.add(1)
    if depth > maximumInFlight.load(ordering: .relaxed) { maximumInFlight.store(depth, ordering: .relaxed) }
    return SpinHint.timestampCounter()
  }

  /// Counts the end of a request.
  @inline(__always)
  func finish(startedAt start: UInt64) {
    // Another core's counter may be a little behind.
    let now = SpinHint.timestampCounter()
    let ticks = now > start ? now &- start : 0
    serviceTicks.add(ticks)
    if ticks > maximumServiceTicks.load(ordering: .relaxed) {
      maximumServiceTicks.store(ticks, ordering: .relaxed)
    }
    finished.add(1)
    inFlight.store(inFlight.load(ordering: .relaxed) &- 1, ordering: .relaxed)
  }

  /// Adds what was counted so far to `statistics`. Counters that are read one after the other do not agree exactly.
  func add(to statistics: inout DiskStatistics) {
    statistics.reads &+= reads.load(ordering: .relaxed)
    statistics.writes &+= writes.load(ordering: .relaxed)
    statistics.flushes &+= flushes.load(ordering: .relaxed)
    statistics.discards &+= discards.load(ordering: .relaxed)
    statistics.readBytes &+= readBytes.load(ordering: .relaxed)
    statistics.writtenBytes &+= writtenBytes.load(ordering: .relaxed)
    statistics.inFlight &+= inFlight.load(ordering: .relaxed)
    statistics.maximumInFlight &+= maximumInFlight.load(ordering: .relaxed)
    statistics.finished &+= finished.load(ordering: .relaxed)
    let nanosecondsPerTick = nanosecondsPerTick
    statistics.serviceNanoseconds +=
      Double(serviceTicks.load(ordering: .relaxed)) * nanosecondsPerTick
    statistics.maximumServiceNanoseconds = max(
      statistics.maximumServiceNanoseconds,
      Double(maximumServiceTicks.load(ordering: .relaxed)) * nanosecondsPerTick)
  }

  private var nanosecondsPerTick: Double {
    let ticks = SpinHint.timestampCounter() &- origin.ticks
    return ticks == 0 ? 0 : Double(HostClock.monotonicNanoseconds() &- origin.nanoseconds) / Double(ticks)
  }
}

extension Atomic<UInt64> {
  /// Adds to a counter that one thread alone writes: a plain addition, where an atomic one would lock the cache line.
  @inline(__always) @discardableResult
  fileprivate func add(_ amount: UInt64) -> UInt64 {
    let sum = load(ordering: .relaxed) &+ amount
    store(sum, ordering: .relaxed)
    return sum
  }
}
