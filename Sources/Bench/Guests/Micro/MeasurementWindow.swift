import HostSystem
import Hypervisor
import MicroGuest

/// Runs prepared guests through warm-up, measured window and verification.
///
/// The window opens when every worker of every guest has warmed up and has no request in flight, and closes when all have
/// their last completion. Host and guests signal each other through shared memory, so that these signals cost no vmexit. Guests
/// without work are booted before, and paused once their queues exist: the I/O threads serve the queues, and no vCPU runs.
struct MeasurementWindow {
  /// Where the window publishes its count while it is open, and under what name.
  struct Live: Sendable {
    let path: String
    let title: String
  }

  let configuration: RunConfiguration
  let guests: [BenchGuest]
  let ioThreads: [IOThread]
  let watch: InterruptionWatch
  private let live: Live?
  private let coreKinds = CoreKinds(KernelFiles(root: "/"))

  /// What has been used up so far, guest by guest.
  private struct Snapshot {
    let nanoseconds: UInt64
    let exits: [ExitCounts]
    let causes: [ExitCounterValues]?
    let vcpuNanoseconds: [UInt64]
    let ioThreadNanoseconds: UInt64
    let accounts: HostAccounts
  }

  /// A window over `guests`, which are ready to start.
  init(
    configuration: RunConfiguration, guests: [BenchGuest], ioThreads: [IOThread], watch: InterruptionWatch,
    live: Live? = nil
  ) {
    self.live = live
    self.configuration = configuration
    self.guests = guests
    self.ioThreads = ioThreads
    self.watch = watch
  }

  /// How often the controlling thread checks the guests: it may share a CPU with a vCPU.
  private static let pollNanoseconds: UInt64 = 5_000_000
  /// Time for booting and finishing beyond what the workload itself takes.
  private static let graceSeconds = 120.0
  /// What a slow disk manages when it is written and read whole for verification.
  private static let slowestBytesPerSecond = 1e6

  /// Starts the guests, measures, and waits until they have finished. The caller ends them.
  func measure(diskByteCounts: [UInt64]) throws -> [CellMeasurement] {
    let busy = Array(guests.prefix(configuration.busyGuests))
    try boot(Array(guests.dropFirst(busy.count)))
    for guest in busy { try guest.machine.start() }
    try wait(busy, for: .ready, seconds: configuration.warmup.seconds + verificationSeconds)
    let granted = try guests.map(grantedPlacement)
    let causes = try ExitCauseCounter(configuration.exitCounting ?? .stats)
    try causes.begin(guests.map(\.machine))
    let opening = try snapshot(causes)
    for guest in busy { try guest.command(.measure) }
    let counter = live.map { LiveCounter(path: $0.path, title: $0.title) }
    // A limit on requests alone says nothing about time: such a run may take as long as it needs.
    try wait(busy, for: .measured, seconds: configuration.runtime?.seconds ?? 86_400) {
      try counter?.update(busy)
    }
    let closing = try snapshot(causes)
    let results = try guests.enumerated().map { index, guest in
      var result = try measurement(
        of: guest, from: opening, to: closing, granted: granted[index], diskByteCount: diskByteCounts[index])
      result.causes = causes.causes(
        guest: index, from: opening.causes, to: closing.causes, statistics: result.exits)
      result.causesAbsence = causes.absence
      return result
    }
    for guest in busy { try guest.command(.finish) }
    try wait(busy, for: .finished, seconds: verificationSeconds)
    return try zip(guests, results).map(addVerification)
  }

  /// Boots guests that get no work, and lets none of their vCPUs run any more.
  private func boot(_ idle: [BenchGuest]) throws {
    for guest in idle { try guest.machine.start() }
    try wait(idle, for: .ready, seconds: 0)
    for guest in idle { try guest.machine.pause() }
  }

  private var verificationSeconds: Double {
    configuration.verifies ? Double(configuration.regionSize.byteCount) / Self.slowestBytesPerSecond : 0
  }

  private func wait(
    _ guests: [BenchGuest], for state: WorkerState, seconds: Double, between: () throws -> Void = {}
  ) throws {
    let end = HostClock.monotonicNanoseconds() + UInt64((seconds + Self.graceSeconds) * 1e9)
    var waiting = guests
    while true {
      waiting = try waiting.filter { !(try $0.hasReached(state)) }
      if waiting.isEmpty { return }
      if watch.isInterrupted { throw RunInterruption() }
      guard HostClock.monotonicNanoseconds() < end else {
        let names = waiting.map { "guest \($0.index)" }.joined(separator: ", ")
        throw BenchFailure("\(names) did not become \(state) in time", exitCode: .unavailable)
      }
      try between()
      HostClock.sleep(nanoseconds: Self.pollNanoseconds)
    }
  }

  private func snapshot(_ causes: ExitCauseCounter) throws -> Snapshot {
    let vcpuNanoseconds = try guests.map { try $0.machine.vcpuNanoseconds() }
    let peerNanoseconds = try guests.reduce(0) { $0 + (try $1.machine.ioThreadNanoseconds()) }
    let isPeer = guests.contains { $0.machine.peer != nil }
    return Snapshot(
      nanoseconds: HostClock.monotonicNanoseconds(),
      exits: try guests.map { try $0.machine.exitCounts() }, causes: try causes.values(),
      vcpuNanoseconds: vcpuNanoseconds,
      ioThreadNanoseconds: try ioThreads.reduce(0) { $0 + (try $1.thread.cpuTimeNanoseconds()) }
        + peerNanoseconds,
      accounts: HostAccounts(
        machineNanoseconds: isPeer ? vcpuNanoseconds.reduce(peerNanoseconds, +) : 0))
  }

  private func grantedPlacement(_ guest: BenchGuest) throws -> GrantedPlacement {
    var granted = try guest.machine.grantedPlacement()
    granted.ioThreadCPUs =
      try ioThreads.map { try $0.thread.grantedCPUs().description } + granted.ioThreadCPUs
    return granted
  }

  private func measurement(
    of guest: BenchGuest, from opening: Snapshot, to closing: Snapshot, granted: GrantedPlacement,
    diskByteCount: UInt64
  ) throws -> CellMeasurement {
    var latency = TickLatencies(tscKHz: guest.tscKilohertz)
    var (requests, bytes, errors) = (0 as UInt64, 0 as UInt64, 0 as UInt64)
    var (elapsed, iops) = ([Double](), 0.0)
    for worker in guest.workers {
      let count = try worker.word(WorkerWord.requests)
      let seconds = Double(try worker.word(WorkerWord.elapsedTicks)) / (Double(guest.tscKilohertz) * 1000)
      requests &+= count
      bytes &+= try worker.word(WorkerWord.bytes)
      errors &+= try worker.word(WorkerWord.errors)
      elapsed.append(seconds)
      if seconds > 0 { iops += Double(count) / seconds }
      latency.add(
        counts: try worker.histogram(), sumTicks: try worker.word(WorkerWord.latencySumTicks),
        maxTicks: try worker.word(WorkerWord.latencyMaxTicks))
    }
    let exits = closing.exits[guest.index] - opening.exits[guest.index]
    return CellMeasurement(
      guestIndex: guest.index, requests: requests, bytes: bytes, errors: errors, verifiedBlocks: 0,
      verifyErrors: 0, elapsedSeconds: elapsed, iops: iops, latency: LatencyDistribution(latency),
      exits: exits,
      windowSeconds: Double(closing.nanoseconds - opening.nanoseconds) / 1e9,
      ioThreadCPUSeconds: Double(closing.ioThreadNanoseconds - opening.ioThreadNanoseconds) / 1e9
        / Double(guests.count),
      vcpuCPUSeconds: Double(closing.vcpuNanoseconds[guest.index] - opening.vcpuNanoseconds[guest.index])
        / 1e9,
      diskByteCount: diskByteCount, granted: granted, peer: guest.machine.peer,
      conditions: conditions(from: opening, to: closing, granted))
  }

  private func conditions(from opening: Snapshot, to closing: Snapshot, _ granted: GrantedPlacement)
    -> WindowConditions
  {
    var conditions = closing.accounts.conditions(since: opening.accounts)
    conditions.mixedCores = coreKinds.mixes(granted.ioThreadCPUs + granted.vcpuCPUs)
    return conditions
  }

  /// Verification goes on after the window: what it found is only known at the end.
  private func addVerification(_ guest: BenchGuest, _ result: CellMeasurement) throws -> CellMeasurement {
    var result = result
    for worker in guest.workers {
      result.verifiedBlocks &+= try worker.word(WorkerWord.verifiedBlocks)
      result.verifyErrors &+= try worker.word(WorkerWord.verifyErrors)
    }
    return result
  }
}
