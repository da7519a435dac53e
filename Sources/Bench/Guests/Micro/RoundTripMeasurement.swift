import HostSystem
import SystemPackage
import VextProtocol

/// The time that a cache line needs from one native thread to another and back: what bounds every queue in shared
/// memory from below.
struct RoundTripMeasurement {
  /// Median-free mean over all round trips of the measurement.
  let nanoseconds: Double

  /// Round trips between two readings of the clock.
  private static let batch: UInt64 = 10_000
  /// Distance of the two lines in words: neighbours would be fetched in pairs.
  private static let distance = 64

  /// Bounces one cache line each way between two threads.
  ///
  /// - Parameters:
  ///   - cpus: the two CPUs; nil: the first two that this process may use.
  ///   - duration: how long to go on, checked every ten thousand round trips.
  static func measure(cpus: [Int]?, duration: TimeSpan) throws -> RoundTripMeasurement {
    let available = try cpus ?? HostThread.currentCPUs().sorted
    guard available.count >= 2 else {
      throw BenchFailure("a round trip between two threads needs two CPUs", exitCode: .unavailable)
    }
    let lines = try CacheLinePair(distance: distance)
    let echo = try HostThread(name: "trip-echo", cpus: CPUSet([available[1]])) { lines.echo() }
    let result = ResultBox()
    let end = HostClock.monotonicNanoseconds() + duration.nanoseconds
    let caller = try HostThread(name: "trip-call", cpus: CPUSet([available[0]])) {
      lines.bounce(batch)
      let start = HostClock.monotonicNanoseconds()
      var now = start
      var count: UInt64 = 0
      repeat {
        lines.bounce(batch)
        count += batch
        now = HostClock.monotonicNanoseconds()
      } while now < end
      lines.finish()
      result.value = Double(now - start) / Double(count)
    }
    caller.join()
    echo.join()
    return RoundTripMeasurement(nanoseconds: result.value)
  }

  /// Written by one thread and read after it was joined.
  private final class ResultBox: @unchecked Sendable {
    var value = 0.0
  }
}

/// Two cache lines, one written by each side. SAFETY: the mapping lives as long as the pair; all access is atomic.
@safe
private final class CacheLinePair: @unchecked Sendable {
  private let mapping: Mapping
  private let words: VextSharedWords
  private let distance: Int
  private var sequence: UInt64 = 0

  init(distance: Int) throws(Errno) {
    mapping = try Mapping.anonymous(byteCount: 4096)
    unsafe words = VextSharedWords(base: mapping.base)
    self.distance = distance
  }

  /// The calling thread: `count` round trips.
  func bounce(_ count: UInt64) {
    let words = unsafe words
    var sequence = sequence
    for _ in 0..<count {
      sequence &+= 1
      unsafe words.storeReleasing(0, sequence)
      while unsafe words.loadAcquiring(distance) != sequence {}
    }
    self.sequence = sequence
  }

  /// The calling thread: lets the other one end.
  func finish() { unsafe words.storeReleasing(0, .max) }

  /// The other thread: sends back whatever comes, until it is to end.
  func echo() {
    let words = unsafe words
    var last: UInt64 = 0
    while last != .max {
      let value = unsafe words.loadAcquiring(0)
      if value != last {
        unsafe words.storeReleasing(distance, value)
        last = value
      }
    }
  }
}
