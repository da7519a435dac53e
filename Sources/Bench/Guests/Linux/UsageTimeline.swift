import Hypervisor

/// What guests and I/O threads used, sampled on a fine line of time, so that a window can be cut out afterwards: the guest
/// makes no exit to open or close it.
///
/// Its memory is bounded: when it is full, every second sample goes, and from then on only every second one is kept.
struct UsageTimeline {
  private(set) var samples: [UsageSample] = []
  private let capacity: Int
  private var stride = 1
  private var skipped = 0

  /// An empty line that holds up to `capacity` samples.
  init(capacity: Int = 8192) {
    self.capacity = max(2, capacity)
  }

  /// Adds a sample, which is later than all others.
  mutating func append(_ sample: UsageSample) {
    skipped += 1
    guard skipped >= stride else { return }
    skipped = 0
    if samples.count >= capacity {
      samples = samples.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
      stride *= 2
    }
    samples.append(sample)
  }

  /// The first and the last sample within `window`, of those with causes if there are two; nil if there are not two at all.
  func cut(_ window: ClosedRange<UInt64>) -> (first: UsageSample, last: UsageSample)? {
    let within = samples.filter { window.contains($0.nanoseconds) }
    return Self.ends(of: within.filter { $0.causes != nil }) ?? Self.ends(of: within)
  }

  private static func ends(of samples: [UsageSample]) -> (first: UsageSample, last: UsageSample)? {
    guard let first = samples.first, let last = samples.last, first.nanoseconds < last.nanoseconds else {
      return nil
    }
    return (first, last)
  }

  /// What else happened on the host within `window`, as far as the samples tell.
  func conditions(within window: ClosedRange<UInt64>) -> WindowConditions {
    let within = samples.filter { window.contains($0.nanoseconds) }
    let accounts = within.compactMap(\.accounts)
    var conditions = WindowConditions()
    if let first = accounts.first, let last = accounts.last { conditions = last.conditions(since: first) }
    let offsets = within.map(\.clockOffset)
    if let least = offsets.min(), let most = offsets.max() {
      conditions.clockStepSeconds = Double(most.subtractingReportingOverflow(least).partialValue) / 1e9
    }
    return conditions
  }

  /// Exits of guest `index` per second within `window`; nil if there are not two samples.
  func exitRates(guest index: Int, within window: ClosedRange<UInt64>) -> ExitRates? {
    guard let (first, last) = cut(window) else { return nil }
    return ExitRates(
      last.exits[index] - first.exits[index], seconds: Double(last.nanoseconds - first.nanoseconds) / 1e9)
  }
}

/// What guests and I/O threads had used up at a moment.
struct UsageSample: Equatable, Sendable {
  /// The host's wall clock, in nanoseconds since 1970.
  var nanoseconds: UInt64
  /// vmexits, guest by guest.
  var exits: [ExitCounts]
  /// What tracepoints counted of them; nil in most samples, since reading them interrupts the vCPUs, and where they count nothing.
  var causes: [ExitCounterValues]?
  /// CPU time of the vCPUs, guest by guest.
  var vcpuNanoseconds: [UInt64]
  /// CPU time of all I/O threads.
  var ioThreadNanoseconds: UInt64
  /// The wall clock less the monotonic one, in nanoseconds: it changes when the clock is set.
  var clockOffset: Int64 = 0
  /// The host's accounts; nil in most samples, since reading them costs more than the rest.
  var accounts: HostAccounts?
}
