/// What the columns of a row are computed from: a guest's measurement, and the run that it belongs to.
struct RecordSource: Sendable {
  let context: RunContext
  let cell: RunCell
  let measurement: CellMeasurement
  let latency: LatencySummary

  init(context: RunContext, cell: RunCell, measurement: CellMeasurement) {
    self.context = context
    self.cell = cell
    self.measurement = measurement
    latency = LatencySummary(measurement.latency)
  }

  var configuration: RunConfiguration { context.configuration }
  /// The user's fio job file.
  var job: FioJobFile? { configuration.linux?.job }
  /// The part of the job file that the row is about: a phase, or a group of its jobs.
  var phase: FioPhase? { job?.parts[measurement.part] }
  /// The length of the window that was asked for.
  var runtime: TimeSpan? { phase == nil ? configuration.runtime : phase?.runtime }
  /// What only a Linux guest tells.
  var linux: LinuxDetails? { measurement.linux }

  /// `count` by the requests of the window.
  func perRequest(_ count: UInt64) -> Double {
    let requests = measurement.windowRequests
    return requests > 0 ? Double(count) / requests : 0
  }

  var requestsPerCPUSecond: Double {
    let seconds = measurement.ioThreadCPUSeconds + measurement.vcpuCPUSeconds
    return seconds > 0 ? measurement.windowRequests / seconds : 0
  }

  var fioEngine: String {
    linux == nil ? "" : phase?.ioengine ?? configuration.linux?.ioengine.rawValue ?? ""
  }

  /// A latency in microseconds; nil where the phase of a job file kept none.
  func microseconds(_ nanoseconds: KeyPath<LatencySummary, Double>) -> Double? {
    let hasLatencies = !measurement.latency.entries.isEmpty || phase == nil
    return hasLatencies ? latency[keyPath: nanoseconds] / 1000 : nil
  }

  /// Whether the machine is bench's own, and the window has a length.
  private var isOurs: Bool { !cell.vmm.isPeer && measurement.windowSeconds > 0 }

  /// CPU time of a polling I/O thread by the window.
  var ioThreadCPUShare: Double? {
    guard isOurs, cell.mode.ioThreadPolls else { return nil }
    // The time of all I/O threads was divided among the guests.
    let seconds = measurement.ioThreadCPUSeconds * Double(configuration.guestCount)
    return seconds / (measurement.windowSeconds * Double(configuration.ioThreadCount))
  }

  /// CPU time of a polling vCPU by the window.
  var vcpuCPUShare: Double? {
    guard isOurs, configuration.guest == .micro, cell.mode.microGuestPolls, measurement.requests > 0 else {
      return nil
    }
    return measurement.vcpuCPUSeconds / (measurement.windowSeconds * Double(configuration.workerCount))
  }
}

/// What all rows of a run have in common.
struct RunContext: Sendable {
  /// Which run.
  var identity: RunIdentity
  /// Where it ran.
  var host: HostDescription
  /// What was asked for.
  var configuration: RunConfiguration
  /// Where the planner put it.
  var placement: PlacementRecord
}
