import HostSystem
import Hypervisor

/// Runs prepared Linux guests to their end, and samples what they use meanwhile.
struct LinuxWindow {
  let configuration: RunConfiguration
  let linux: LinuxConfiguration
  let guests: [LinuxGuest]
  let ioThreads: [IOThread]
  let causes: ExitCauseCounter
  let watch: InterruptionWatch
  /// What is dropped from the host's page cache before each phase.
  var coldPaths: [String] = []

  /// The distance of two samples: fine enough to cut a second out of it, coarse enough to cost little.
  private static let sampleNanoseconds: UInt64 = 20_000_000
  /// Every how many samples the host's accounts are read: five times a second.
  private static let samplesPerAccount = 10
  /// Every how many samples exits are read by cause, which interrupts each vCPU. Odd, so that a line of time that drops every second
  /// sample keeps some of them.
  private static let samplesPerCauses = 5
  /// Time for booting, and for fio's start and end, beyond what was asked for. An emulated host is slow.
  private static let graceSeconds = 300.0
  /// How long a window may last that ends with its work.
  private static let openEndedSeconds = 86_400.0

  /// Boots the guests, lets them begin each phase together, and waits until all have ended. The caller ends them.
  ///
  /// - Returns: what was used, and where the threads were.
  /// - Throws: ``BenchFailure`` for a guest that failed or is late, ``RunInterruption`` when the watch says so.
  func run() throws -> (timeline: UsageTimeline, granted: [GrantedPlacement]) {
    var timeline = UsageTimeline()
    for guest in guests { try guest.machine.start() }
    let granted = try guests.map(grantedPlacement)
    let phaseCount = guests.map(\.jobs.count).max() ?? 0
    for phase in 0..<phaseCount {
      let seconds = phase == 0 ? 2 * linux.idleSpan.seconds : workSeconds
      try wait(seconds: seconds, into: &timeline, state: "ready") { guest in
        if guest.isReady(for: phase) { return true }
        guard guest.hasEnded else { return false }
        try guest.checkEnd()
        throw guest.failure("it ended before it was ready")
      }
      if phase == 0 { try causes.begin(guests.map(\.machine)) }
      try coldPaths.forEach(PageCache.forget)
      for guest in guests { try guest.go(phase) }
    }
    try wait(seconds: workSeconds, into: &timeline, state: "done") { $0.hasEnded }
    return (timeline, granted)
  }

  private var workSeconds: Double {
    guard !configuration.verifies, linux.job == nil, configuration.requestLimit == nil,
      let runtime = configuration.runtime
    else { return Self.openEndedSeconds }
    return runtime.seconds + configuration.warmup.seconds
  }

  private func wait(
    seconds: Double, into timeline: inout UsageTimeline, state: String,
    until isThere: (LinuxGuest) throws -> Bool
  ) throws {
    let start = HostClock.monotonicNanoseconds()
    let end = start + UInt64((seconds + Self.graceSeconds) * 1e9)
    let judgement = start + UInt64(SoftwareKVM.judgementMilliseconds) * 1_000_000
    var judges = timeline.samples.isEmpty
    var round = 0
    while true {
      timeline.append(
        try sample(
          withAccounts: round.isMultiple(of: Self.samplesPerAccount),
          withCauses: round.isMultiple(of: Self.samplesPerCauses)))
      round += 1
      let waiting = try guests.filter { !(try isThere($0)) }
      guard let late = waiting.first else { return }
      if watch.isInterrupted { throw RunInterruption() }
      let now = HostClock.monotonicNanoseconds()
      if judges, now > judgement {
        judges = false
        if let verdict = try late.machine.verdict() {
          throw BenchFailure("guest \(late.index): \(verdict)", exitCode: .unavailable)
        }
      }
      guard now < end else { throw late.failure("it was not \(state) in time", exitCode: .unavailable) }
      HostClock.sleep(nanoseconds: Self.sampleNanoseconds)
    }
  }

  private func sample(withAccounts: Bool, withCauses: Bool) throws -> UsageSample {
    let nanoseconds = HostClock.realtimeNanoseconds()
    let monotonic = HostClock.monotonicNanoseconds()
    let vcpuNanoseconds = try guests.map { try $0.machine.vcpuNanoseconds() }
    let peerNanoseconds = try guests.reduce(0) { $0 + (try $1.machine.ioThreadNanoseconds()) }
    let isPeer = guests.contains { $0.machine.peer != nil }
    let serverNanoseconds = guests.reduce(0) {
      $0 + (($1.machine as? BuiltinLinuxMachine)?.serverNanoseconds ?? 0)
    }
    return UsageSample(
      nanoseconds: nanoseconds, exits: try guests.map { try $0.machine.exitCounts() },
      causes: withCauses ? try causes.values() : nil,
      vcpuNanoseconds: vcpuNanoseconds,
      ioThreadNanoseconds: try ioThreads.reduce(0) { $0 + (try $1.thread.cpuTimeNanoseconds()) }
        + peerNanoseconds,
      clockOffset: Int64(bitPattern: nanoseconds &- monotonic),
      accounts: withAccounts
        ? HostAccounts(
          machineNanoseconds: isPeer ? vcpuNanoseconds.reduce(peerNanoseconds, +) : serverNanoseconds) : nil)
  }

  private func grantedPlacement(_ guest: LinuxGuest) throws -> GrantedPlacement {
    var granted = try guest.machine.grantedPlacement()
    granted.ioThreadCPUs =
      try ioThreads.map { try $0.thread.grantedCPUs().description } + granted.ioThreadCPUs
    return granted
  }
}
