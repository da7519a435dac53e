/// How the guest's wall clock relates to the host's.
///
/// The guest writes a file of the folder that it shares with the host, and notes its clock before and after; the host's
/// kernel notes its own clock as the file's time. That is between the two, give or take the grain of file times, so each
/// such probe bounds the difference of the clocks from both sides. Several probes bound it by the tightest of their bounds.
struct ClockAlignment: Equatable, Sendable {
  /// One probe, in nanoseconds.
  struct Probe: Equatable, Sendable {
    /// The guest's clock before it wrote.
    var before: UInt64
    /// The guest's clock after it wrote.
    var after: UInt64
    /// The host's clock meanwhile, as the file's time has it.
    var host: UInt64
  }

  /// What to add to the guest's clock to have the host's, in nanoseconds.
  let offset: Int64
  /// How far that may be wrong, in either direction.
  let uncertainty: UInt64

  /// Linux takes a file's time from its last timer tick: up to 10 ms old with HZ=100.
  private static let fileTimeGrain: Int64 = 10_000_000
  /// The year 2043: later than any clock, and small enough that sums do not overflow.
  private static let latest: UInt64 = 1 << 61

  /// The alignment that follows from `probes`; nil without any.
  init?(_ probes: [Probe]) {
    var bounds: (low: Int64, high: Int64)?
    for probe in probes {
      guard probe.before <= probe.after, max(probe.after, probe.host) <= Self.latest else { continue }
      let (before, after, host) = (Int64(probe.before), Int64(probe.after), Int64(probe.host))
      let (low, high) = (host - after, host - before + Self.fileTimeGrain)
      bounds = bounds.map { (max($0.low, low), min($0.high, high)) } ?? (low, high)
    }
    guard let bounds else { return nil }
    // Clocks that drift against one another can make the bounds cross.
    let (low, high) = (min(bounds.low, bounds.high), max(bounds.low, bounds.high))
    offset = low + (high - low) / 2
    uncertainty = UInt64(high - low) / 2
  }

  /// A moment of the guest's clock on the host's; both in nanoseconds since 1970.
  func hostNanoseconds(_ guest: UInt64) -> UInt64 {
    guard let guest = Int64(exactly: guest) else { return 0 }
    let (sum, overflow) = guest.addingReportingOverflow(offset)
    return overflow ? 0 : UInt64(max(0, sum))
  }

  /// A time of the guest's on the host's clock without the parts at both ends that may lie outside: `margin`, and what
  /// the clocks may be off, but no more than a quarter at each end. nil if nothing is left.
  func inner(_ window: ClosedRange<UInt64>, margin: UInt64) -> ClosedRange<UInt64>? {
    let length = window.upperBound - window.lowerBound
    let cut = min(margin + min(uncertainty, length), length / 4)
    let (start, end) = (hostNanoseconds(window.lowerBound), hostNanoseconds(window.upperBound))
    guard start < end, end - start > 2 * cut else { return nil }
    return start + cut...end - cut
  }
}
