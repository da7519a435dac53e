import Glibc
import HostSystem
import Hypervisor

/// Measures a guest that reads 4 KiB at a time, beside competitors on the same I/O thread, in random order.
struct NeighbourRun {
  /// One boot of the measured guest.
  struct Boot: Sendable {
    let competitor: Competitor
    let repetition: Int
    let iops: Double
    let latency: LatencySummary
    let errors: UInt64
    /// Requests per second of the competitor.
    let competitorIOPS: Double
  }

  /// The measured guest.
  let configuration: RunConfiguration
  let mode: DataPathMode
  let repetitionCount: Int
  let folder: String
  let competitorDiskByteCount: UInt64
  let progress: ProgressReporter
  let watch: InterruptionWatch

  /// Boots the guest once for each competitor and repetition, and hands each boot to `record`.
  func run(_ record: (Boot) throws -> Void) throws {
    let placement = try RunPlacement(configuration, scratchFolder: folder)
    let watch = watch
    progress.show("making 2 disks")
    let own = try ScratchDisks(
      in: "\(folder)/neighbour-\(getpid())", count: 1, byteCount: configuration.regionSize.byteCount,
      isFilled: configuration.engine.usesStorage, isInterrupted: { watch.isInterrupted })
    let other = try ScratchDisks(
      in: "\(folder)/competitor-\(getpid())", count: 1, byteCount: competitorDiskByteCount, isFilled: false,
      isInterrupted: { watch.isInterrupted })
    try run(placement, own: own, other: other, record)
  }

  /// Borrows the disks, so that they last until the last guest has ended.
  private func run(
    _ placement: RunPlacement, own: borrowing ScratchDisks, other: borrowing ScratchDisks,
    _ record: (Boot) throws -> Void
  ) throws {
    var random = SplitMix64(seed: configuration.seed)
    for repetition in 1...repetitionCount {
      for competitor in Competitor.allCases.shuffled(using: &random) {
        if watch.isInterrupted { throw RunInterruption() }
        progress.show("repetition \(repetition) of \(repetitionCount): \(competitor.rawValue)")
        try record(
          try boot(
            competitor, repetition: repetition, seed: random.next(), placement, own: own.paths[0],
            other: other.paths[0]))
      }
    }
  }

  private func boot(
    _ competitor: Competitor, repetition: Int, seed: UInt64, _ placement: RunPlacement, own: String,
    other: String
  ) throws -> Boot {
    let disk = try DiskImage(path: own, readOnly: false, direct: configuration.usesDirectIO, formats: .raw)
    let otherDisk = try DiskImage(path: other, readOnly: false, direct: false, formats: .raw)
    return try placement.withIOThreads(mode: mode, configuration: configuration) { ioThreads in
      let group = try IOThreadGroup(ioThreads, rebalances: false)
      let machine =
        competitor == .none
        ? nil : try CompetitorMachine(competitor, disk: otherDisk, group: group, seed: seed)
      let guest = try BenchGuest(
        index: 0, configuration: configuration, mode: mode, seed: seed, placement: placement.plan,
        disk: .opened(disk, ioThreads: group), system: KVMSystem())
      let window = MeasurementWindow(
        configuration: configuration, guests: [guest], ioThreads: ioThreads, watch: watch)
      let (start, before) = (HostClock.monotonicNanoseconds(), machine?.answerCount ?? 0)
      let results = Result { try window.measure(diskByteCounts: [disk.handle.byteCount]) }
      let seconds = Double(HostClock.monotonicNanoseconds() - start) / 1e9
      let answers = (machine?.answerCount ?? 0) - before
      guest.shutDown()
      // Its queues leave the I/O threads before those end, whatever happened.
      let end = Result { try machine?.end() }
      let measured = try results.get()[0]
      try end.get()
      return Boot(
        competitor: competitor, repetition: repetition, iops: measured.iops,
        latency: LatencySummary(measured.latency), errors: measured.errors,
        competitorIOPS: Double(answers) / seconds)
    }
  }
}
