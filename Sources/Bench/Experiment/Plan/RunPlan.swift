import HostSystem

/// The order in which a run boots its guests.
///
/// All data paths of a repetition run before the next one begins, in a random order of its own: what drifts
/// on the host (heat, neighbours, the disk's own housekeeping) then falls on all of them alike.
struct RunPlan: Codable, Equatable, Sendable {
  /// What runs, first to last.
  let cells: [RunCell]

  /// The plan for `paths`, each booted `repetitionCount` times, that follows from `seed`.
  init(paths: [DataPath], repetitionCount: Int, seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var cells: [RunCell] = []
    for repetition in 1...max(1, repetitionCount) {
      // 53 bits, so that every reader of JSON gets them back as they were.
      let workloadSeed = generator.next() >> 11
      for path in paths.shuffled(using: &generator) {
        cells.append(
          RunCell(
            index: cells.count, mode: path.mode, fileSystem: path.fileSystem, vmm: path.vmm,
            repetition: repetition, seed: workloadSeed))
      }
    }
    self.cells = cells
  }

  /// The plan for `configuration`.
  init(_ configuration: RunConfiguration) {
    self.init(
      paths: configuration.paths, repetitionCount: configuration.repetitionCount, seed: configuration.seed)
  }

  /// About how long `configuration` takes per cell, boots included; nil where only a number of requests ends the
  /// window.
  static func estimatedSecondsPerCell(_ configuration: RunConfiguration) -> Double? {
    if let linux = configuration.linux {
      guard let seconds = workSeconds(configuration, job: linux.job) else { return nil }
      // Without a machine nothing boots, and nothing idles before the workload.
      guard configuration.needsMachine else { return 1 + seconds }
      return 4 + Double(configuration.guestCount) + 2 * linux.idleSpan.seconds + seconds
    }
    guard let runtime = configuration.runtime else { return nil }
    let bootSeconds = 0.1 + 0.05 * Double(configuration.guestCount)
    return bootSeconds + configuration.warmup.seconds + runtime.seconds
  }

  private static func workSeconds(_ configuration: RunConfiguration, job: FioJobFile?) -> Double? {
    guard let job else { return configuration.runtime.map { $0.seconds + configuration.warmup.seconds } }
    var sum = 0.0
    for phase in job.phases {
      guard let runtime = phase.runtime else { return nil }
      sum += runtime.seconds + phase.warmup.seconds
    }
    return sum
  }
}
