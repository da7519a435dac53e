#if InjectSlowdown
  import Glibc
  import HostSystem

  /// Makes a request take longer by a known share, to try out what is meant to find slowdowns (docs/benchmarking.md, trials).
  ///
  /// Exists in builds with the package trait `InjectSlowdown` only, which none of ours that measures or ships has.
  struct InjectedSlowdown {
    /// The share in thousandths of a percent, from the environment.
    private let share: UInt64
    /// When the last request was let go, in ticks of the TSC.
    private var lastTicks: UInt64 = 0

    /// Longer pauses were no work, and are not made longer.
    private static let longestTicks: UInt64 = 1_000_000

    /// The share that `VEXT_INJECT_SLOWDOWN` gives in percent; none without it.
    init() {
      let text = unsafe getenv("VEXT_INJECT_SLOWDOWN").map { unsafe String(cString: $0) }
      let percent = text.flatMap(Double.init) ?? 0
      share = percent > 0 && percent <= 100 ? UInt64(percent * 1000) : 0
    }

    /// Spins for the share of the time since the last request was let go. With one request in flight, that is a request's whole time
    /// but for this delay, so that the rate falls by the share exactly, whatever the machine's speed at that moment.
    @inline(__always)
    mutating func delay() {
      let start = SpinHint.timestampCounter()
      let elapsed = start &- lastTicks
      let ticks = elapsed < Self.longestTicks ? elapsed &* share / 100_000 : 0
      var now = start
      while now &- start < ticks { now = SpinHint.timestampCounter() }
      lastTicks = now
    }
  }
#endif
