/// What only a Linux guest tells of a boot.
struct LinuxDetails: Codable, Equatable, Sendable {
  /// The guest's kernel, as `uname -r` has it.
  var kernel: String
  /// The version of fio.
  var fioVersion: String
  /// Which of fio's latencies the row has: `lat` from submission to completion, `clat` where a job file left it at that, `none`
  /// where it kept none.
  var latencyKind: String
  /// The length of fio's measured phase. ``CellMeasurement/windowSeconds`` is the part of it whose exits were counted.
  var measuredSeconds: Double
  /// How far the guest's marks may be off on the host's clock.
  var clockUncertaintySeconds: Double
  /// Exits of the guest while it was idle; nil if they were not measured.
  var idle: ExitRates?
  /// Exits of the guest while each vCPU computed, without I/O; nil if they were not measured.
  var computing: ExitRates?
  /// How the file system was made; empty without one.
  var makeFileSystem: [String]
  /// The job file that fio was given.
  var job: String
  /// The last lines of the guest's console if fio counted an error, else none: fio says there what it was.
  var console: [String] = []
  /// fio's whole output.
  var fio: JSONValue

  enum CodingKeys: String, CodingKey {
    case kernel
    case fioVersion = "fio_version"
    case latencyKind = "latency"
    case measuredSeconds = "measured_s"
    case clockUncertaintySeconds = "clock_uncertainty_s"
    case idle
    case computing
    case makeFileSystem = "mkfs"
    case job
    case console
    case fio
  }
}
