import HostSystem

/// What else happened on the host within a measured window. What the kernel does not tell is nil.
struct WindowConditions: Equatable, Sendable {
  /// The share of all CPU time that a hypervisor below took.
  var stealShare: Double?
  /// The share of all CPU time that went to other work than bench and its machines.
  var otherShare: Double?
  /// For how long CPU quotas stopped threads of bench.
  var throttledSeconds: Double?
  /// Whether the threads of the boot ran on cores of several kinds.
  var mixedCores: Bool?
  /// By how much the wall clock moved against the monotonic one; nil where no wall clock is involved.
  var clockStepSeconds: Double?
}

/// The host's own accounts at a moment.
struct HostAccounts: Equatable, Sendable {
  /// What all CPUs did.
  var ticks: CPUTicks?
  /// For how long CPU quotas had stopped bench.
  var throttledNanoseconds: UInt64?
  /// The CPU time of bench and of its machines.
  var ownNanoseconds: UInt64

  /// The length of a tick of /proc/stat: USER_HZ is 100 on every architecture that has KVM.
  private static let tickSeconds = 0.01
  /// The fewest ticks that a share is computed of: below, one tick more or less is several percent.
  private static let leastTicks: UInt64 = 50

  /// Reads the accounts.
  ///
  /// - Parameter machineNanoseconds: CPU time of machines that are processes of their own.
  init(_ files: KernelFiles = KernelFiles(root: "/"), machineNanoseconds: UInt64 = 0) {
    ticks = CPUTicks(files)
    throttledNanoseconds = ControlGroup.throttledNanoseconds(files)
    ownNanoseconds = HostClock.processCPUTimeNanoseconds() + machineNanoseconds
  }

  /// Accounts of these values.
  init(ticks: CPUTicks?, throttledNanoseconds: UInt64?, ownNanoseconds: UInt64) {
    self.ticks = ticks
    self.throttledNanoseconds = throttledNanoseconds
    self.ownNanoseconds = ownNanoseconds
  }

  /// What happened since `earlier`.
  func conditions(since earlier: HostAccounts) -> WindowConditions {
    var conditions = WindowConditions()
    if let ticks, let before = earlier.ticks {
      let passed = ticks.since(before)
      if passed.total >= Self.leastTicks {
        let all = Double(passed.total) * Self.tickSeconds
        let own = Double(ownNanoseconds - min(ownNanoseconds, earlier.ownNanoseconds)) / 1e9
        conditions.stealShare = passed.stealShare
        conditions.otherShare = min(1, max(0, (Double(passed.busy) * Self.tickSeconds - own) / all))
      }
    }
    if let throttledNanoseconds, let before = earlier.throttledNanoseconds {
      conditions.throttledSeconds = Double(throttledNanoseconds - min(throttledNanoseconds, before)) / 1e9
    }
    return conditions
  }
}
