#if InjectSlowdown
  import Glibc
  import HostSystem

  /// Delays requests by a known share of their time, to test whether `bench compare` finds it (docs/benchmarking.md).
  ///
  /// Exists only in builds with the package trait `InjectSlowdown`, which no measuring or released build has.
  struct InjectedSlowdown {
    /// The share in thousandths of a percent, from the environment.
    private let share: UInt64
    /// Number of ticks still to wait, times ``shareOfOne``.
    private var debt: Int64 = 0
    /// Time at which the last request was released, in ticks of the TSC.
    private var lastTicks: UInt64 = 0

    /// The value of ``share`` that means 100 %.
    private static let shareOfOne: UInt64 = 100_000
    /// Pauses that are longer, in ticks, count as idle time and are not extended.
    private static let longestTicks: UInt64 = 1_000_000

    /// Reads the share from `VEXT_INJECT_SLOWDOWN`, in percent; 0 without it.
    init() {
      let percent = Self.variable("VEXT_INJECT_SLOWDOWN").flatMap(Double.init) ?? 0
      share = percent > 0 && percent <= 100 ? UInt64(percent * 1000) : 0
    }

    /// The value that the environment variable had when the process started; nil without it.
    private static func variable(_ name: String) -> String? {
      guard let file = try? OwnedDescriptor.open("/proc/self/environ", flags: O_RDONLY) else { return nil }
      var bytes: [UInt8] = []
      while let part = try? DescriptorBytes.read(file.rawValue, limit: 1 << 16), !part.isEmpty {
        bytes += part
      }
      let setting = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        .first { $0.hasPrefix(name + "=") }
      return setting.map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    /// Spins for the share of the time since the last request was released.
    ///
    /// If the I/O thread is the bottleneck, the rate falls by the share, whatever the machine's current speed. Reading the
    /// TSC takes longer than the delay of a fast request; the excess is deducted from the next delays.
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
