import Hypervisor
/// The metrics of one boot, all its guests together.
struct BootSummary: Equatable, Sendable {
  /// The data path.
  let path: DataPath
  /// Which repetition, from 1.
  let repetition: Int
  /// Which part of a job file, from 0 (``FioJobFile/parts``).
  let part: Int
  /// What another VMM tells of itself, as its first guest has it; nil for ours.
  let peer: PeerRecord?
  /// What a reader must know of its exits by cause, one sentence each.
  let causesNotes: [String]
  /// Requests per second, summed over the guests.
  let iops: Double
  /// MiB per second, summed over the guests.
  let bandwidthMiBPerSecond: Double
  /// Latencies of all requests of all guests; nil if a job file left them out.
  let latency: LatencySummary?
  /// vmexits by requests.
  let vmexitsPerIO: Double
  /// vmexits by requests, the host's interrupts left out.
  let ioVMExitsPerIO: Double
  /// The same less those of an idle guest; nil where they were not measured.
  let ioVMExitsPerIOBeyondIdle: Double?
  /// The same less those of a guest that computes without I/O; nil where they were not measured.
  let ioVMExitsPerIOBeyondComputing: Double?
  /// CPU seconds per second, I/O threads and vCPUs together.
  let cpuLoad: Double
  /// CPU seconds per second of the I/O threads alone.
  let ioThreadLoad: Double
  /// Requests that ended with an error.
  let errors: UInt64
  /// I/O blocks that were checked.
  let verifiedBlocks: UInt64
  /// I/O blocks whose content was wrong.
  let verifyErrors: UInt64

  /// Sums up `measurements`, one for each guest of `cell` in one part of a job file; nil if there is none.
  init?(cell: RunCell, measurements: [CellMeasurement]) {
    guard !measurements.isEmpty else { return nil }
    let requests = measurements.reduce(0.0) { $0 + $1.windowRequests }
    var latencies = LatencyDistribution()
    for measurement in measurements { latencies.add(measurement.latency) }
    let lacksLatencies = measurements.contains { $0.requests > 0 && $0.latency.entries.isEmpty }
    part = measurements[0].part
    path = cell.path
    repetition = cell.repetition
    peer = measurements[0].peer
    causesNotes = measurements.compactMap(\.causesNote)
    iops = measurements.reduce(0) { $0 + $1.iops }
    bandwidthMiBPerSecond = measurements.reduce(0) { $0 + $1.bandwidthMiBPerSecond }
    latency = lacksLatencies ? nil : LatencySummary(latencies)
    let exits = measurements.reduce(0.0) { $0 + Double($1.exits.total) }
    let ioExits = measurements.reduce(0.0) { $0 + Double($1.exits.ioPath) }
    vmexitsPerIO = requests > 0 ? exits / requests : 0
    ioVMExitsPerIO = requests > 0 ? ioExits / requests : 0
    ioVMExitsPerIOBeyondIdle = Self.beyond(measurements, \.idle)
    ioVMExitsPerIOBeyondComputing = Self.beyond(measurements, \.computing)
    cpuLoad = measurements.reduce(0) { sum, measurement in
      let seconds = measurement.ioThreadCPUSeconds + measurement.vcpuCPUSeconds
      return measurement.windowSeconds > 0 ? sum + seconds / measurement.windowSeconds : sum
    }
    ioThreadLoad = measurements.reduce(0) {
      $1.windowSeconds > 0 ? $0 + $1.ioThreadCPUSeconds / $1.windowSeconds : $0
    }
    errors = measurements.reduce(0) { $0 + $1.errors }
    verifiedBlocks = measurements.reduce(0) { $0 + $1.verifiedBlocks }
    verifyErrors = measurements.reduce(0) { $0 + $1.verifyErrors }
  }

  /// The mean over the guests of what `baseline` leaves of the I/O vmexits per request.
  private static func beyond(
    _ measurements: [CellMeasurement], _ baseline: KeyPath<LinuxDetails, ExitRates?>
  ) -> Double? {
    let values = measurements.compactMap { measurement in
      measurement.linux?[keyPath: baseline].map(measurement.ioVMExitsPerIO(beyond:))
    }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}
