import HostSystem
import Synchronization

/// Limits of a disk's requests and bytes per second, for all I/O threads that serve it. Any thread, without a lock.
///
/// Each limit is a virtual clock (the generic cell rate algorithm of ITU-T I.371): a request moves it on by what the request costs
/// at that rate, and requests may start while the clock is no further ahead of the time than the burst. The last request of a
/// burst may be larger than what is left; those after it wait the longer.
public final class DiskThrottle: Sendable {
  /// One limit.
  private struct Limit: ~Copyable {
    let perSecond: UInt64
    let burst: UInt64
    /// Nanoseconds. Relaxed: nothing else depends on it.
    private let clock = Atomic<UInt64>(0)

    init(perSecond: UInt64, burst: UInt64) {
      self.perSecond = perSecond
      self.burst = burst
    }

    /// How many units may start at `now`; 0: none.
    func allowance(at now: UInt64) -> UInt64 {
      let clock = clock.load(ordering: .relaxed)
      let (latest, overflow) = now.addingReportingOverflow(burst)
      guard !overflow, clock <= latest else { return 0 }
      let (high, low) = min(latest &- clock, burst).multipliedFullWidth(by: perSecond)
      guard high < 1_000_000_000 else { return .max }
      return max(UInt64(1_000_000_000).dividingFullWidth((high, low)).quotient, 1)
    }

    /// Moves the clock on by `units`.
    func charge(_ units: UInt64, at now: UInt64) {
      guard units > 0 else { return }
      let (high, low) = units.multipliedFullWidth(by: 1_000_000_000)
      // Rounded up: in the long run the limit is not exceeded.
      let cost = high < perSecond ? perSecond.dividingFullWidth((high, low)).quotient &+ 1 : 1 << 62
      var old = clock.load(ordering: .relaxed)
      while true {
        let (sum, overflow) = max(old, now).addingReportingOverflow(cost)
        let (isDone, seen) = clock.weakCompareExchange(
          expected: old, desired: overflow ? .max : sum, ordering: .relaxed)
        if isDone { return }
        old = seen
      }
    }

    /// When something may start.
    var admission: UInt64 {
      let clock = clock.load(ordering: .relaxed)
      return clock > burst ? clock &- burst : 0
    }
  }

  /// How long a disk may go at any speed after it did nothing for long, in milliseconds, unless somebody says otherwise.
  public static let usualBurstMilliseconds: UInt64 = 100

  private let requests: Limit
  private let bytes: Limit
  private let limitsRequests: Bool
  private let limitsBytes: Bool

  /// Limits; nil without any, and for a limit of 0.
  ///
  /// - Parameters:
  ///   - requestsPerSecond: requests of all kinds; nil: no limit.
  ///   - bytesPerSecond: bytes of reads and writes, where a discard or a zeroed range counts as one MiB; nil: no limit.
  ///   - burstMilliseconds: as many requests and bytes as this time allows may start at once; at most a day.
  public init?(
    requestsPerSecond: UInt64?, bytesPerSecond: UInt64?,
    burstMilliseconds: UInt64 = DiskThrottle.usualBurstMilliseconds
  ) {
    guard requestsPerSecond != nil || bytesPerSecond != nil, requestsPerSecond != 0, bytesPerSecond != 0
    else {
      return nil
    }
    let burst = min(burstMilliseconds, 86_400_000) * 1_000_000
    limitsRequests = requestsPerSecond != nil
    limitsBytes = bytesPerSecond != nil
    requests = Limit(perSecond: requestsPerSecond ?? 1, burst: burst)
    bytes = Limit(perSecond: bytesPerSecond ?? 1, burst: burst)
  }

  /// How many requests and bytes may start at `now`, on the monotonic clock in nanoseconds; none if one of them is 0.
  func allowance(at now: UInt64) -> (requests: Int, bytes: Int) {
    (
      limitsRequests ? Int(clamping: requests.allowance(at: now)) : .max,
      limitsBytes ? Int(clamping: bytes.allowance(at: now)) : .max
    )
  }

  /// Counts requests that were started at `now`, and their bytes.
  func charge(requests count: Int, bytes byteCount: Int, at now: UInt64) {
    if limitsRequests { requests.charge(UInt64(clamping: count), at: now) }
    if limitsBytes { bytes.charge(UInt64(clamping: byteCount), at: now) }
  }

  /// When a request may start, on the monotonic clock in nanoseconds.
  var admission: UInt64 {
    max(limitsRequests ? requests.admission : 0, limitsBytes ? bytes.admission : 0)
  }

  /// Whether no request may start now.
  var isHoldingBack: Bool { admission > HostClock.monotonicNanoseconds() }
}

/// What a disk's requests may take of the I/O threads that serve it.
public struct DiskShare: Sendable {
  /// The valid weights.
  public static let weights = 1...1000
  /// Its part relative to those of others, one of ``weights``.
  public let weight: Int
  /// Its limits; nil: none.
  public let throttle: DiskThrottle?

  /// A share; by default weight 100, and no limits.
  public init(weight: Int = 100, throttle: DiskThrottle? = nil) {
    self.weight = min(max(weight, Self.weights.lowerBound), Self.weights.upperBound)
    self.throttle = throttle
  }
}
