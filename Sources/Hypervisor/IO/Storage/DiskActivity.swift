import HostSystem
import Synchronization

/// Counters of the requests for one disk that one I/O thread at a time serves. That thread alone counts; any thread reads.
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
  private let latencies = LatencyCounters()
  /// A simultaneous reading of the TSC and the clock; with a later reading it gives the length of a tick.
  private let origin = (ticks: SpinHint.timestampCounter(), nanoseconds: HostClock.monotonicNanoseconds())

  /// Counts the start of a request.
  ///
  /// - Returns: the start time in ticks of the TSC, for ``finish(startedAt:)``.
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
    // The thread may have moved to a core whose counter is a little behind.
    let now = SpinHint.timestampCounter()
    let ticks = now > start ? now &- start : 0
    serviceTicks.add(ticks)
    latencies.note(ticks: ticks)
    if ticks > maximumServiceTicks.load(ordering: .relaxed) {
      maximumServiceTicks.store(ticks, ordering: .relaxed)
    }
    finished.add(1)
    inFlight.store(inFlight.load(ordering: .relaxed) &- 1, ordering: .relaxed)
  }

  /// Adds the counts so far to `statistics`. The counters are read one after the other and need not agree exactly.
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
    if finished.load(ordering: .relaxed) > 0 {
      latencies.add(to: &statistics.latencies)
      statistics.latencies.nanosecondsPerTick = nanosecondsPerTick
    }
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
  /// Adds to a counter that only one thread writes: a plain addition, because an atomic one would lock the cache line.
  @inline(__always) @discardableResult
  func add(_ amount: UInt64) -> UInt64 {
    let sum = load(ordering: .relaxed) &+ amount
    store(sum, ordering: .relaxed)
    return sum
  }
}
