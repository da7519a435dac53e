#if InjectSlowdown
  import Glibc
  import HostSystem

  /// Makes a request take longer by a known share, to try out what is meant to find slowdowns (docs/benchmarking.md, trials).
  ///
  /// Exists in builds with the package trait `InjectSlowdown` only, which none of ours that measures or ships has.
  struct InjectedSlowdown {
    /// The share in thousandths of a percent, from the environment.
    private let share: UInt64
    /// Ticks that are still to be waited, times ``shareOfOne``.
    private var debt: Int64 = 0
    /// When the last request was let go, in ticks of the TSC.
    private var lastTicks: UInt64 = 0

    /// A whole in units of ``share``.
    private static let shareOfOne: UInt64 = 100_000
    /// Longer pauses were no work, and are not made longer.
    private static let longestTicks: UInt64 = 1_000_000

    /// The share that `VEXT_INJECT_SLOWDOWN` gives in percent; none without it.
    init() {
      let text = unsafe getenv("VEXT_INJECT_SLOWDOWN").map { unsafe String(cString: $0) }
      let percent = text.flatMap(Double.init) ?? 0
      share = percent > 0 && percent <= 100 ? UInt64(percent * 1000) : 0
    }

    /// Spins for the share of the time since the last request was let go. Where the I/O thread decides the pace, the rate falls
    /// by the share, whatever the machine's speed at that moment.
    ///
    /// Reading the TSC takes longer than the delay that a fast request owes: what was waited too long is set off against the next
    /// ones.
    @inline(__always)
    mutating func delay() {
      let start = SpinHint.timestampCounter()
      let elapsed = start &- lastTicks
      if elapsed < Self.longestTicks { debt &+= Int64(truncatingIfNeeded: elapsed &* share) }
      var now = start
      if debt > 0 {
        let due = start &+ UInt64(debt) / Self.shareOfOne
        repeat { now = SpinHint.timestampCounter() } while now < due
        debt &-= Int64(truncatingIfNeeded: (now &- start) &* Self.shareOfOne)
      }
      lastTicks = now
    }
  }
#endif
