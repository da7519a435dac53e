import Hypervisor

/// One boot with what figures are made of.
struct FigureBoot: Sendable {
  /// The boot itself.
  let sample: BootSample
  /// What it is drawn as.
  let series: FigureSeries
  /// The configurations that the boot stands for, without columns that figures ignore. A mode that chooses its engine itself stands
  /// for several.
  let configurations: [ConfigurationKey]
  let workload: FigureWorkload
  let iodepth: Int
  let workers: Int
  let guests: Int
  let busyGuests: Int
  let ioThreads: Int
  /// vmexits per request, by reason. They add up to ``vmexitsPerIO``.
  let exits: [ExitReason: Double]
  /// vmexits per request by cause, as far as the host told causes; nil where they were not counted.
  let causes: [ExitCause: Double]?
  /// All vmexits per request.
  let vmexitsPerIO: Double
  /// CPU time of the I/O threads per request.
  let ioThreadMicrosecondsPerIO: Double
  /// CPU time of the vCPUs per request.
  let vcpuMicrosecondsPerIO: Double
  /// Latencies of all its guests, where the record beside the rows was found.
  let latencies: LatencyCurve?

  /// Columns in which boots of one figure may differ: the lengths of window and warm-up do not make another experiment.
  private static let withoutBearing = RecordColumns.names {
    [$0.mode, $0.vmm, $0.fileSystem, $0.runtimeSeconds, $0.warmupSeconds, $0.requestLimit, $0.diskBytes]
  }

  /// The figures of `sample`, which has `rows`.
  init(_ sample: BootSample, rows: [Row], latencies: LatencyCurve?) throws(CSVText.Fault) {
    let first = rows[0]
    self.sample = sample
    self.latencies = latencies
    let series = try FigureSeries(first)
    self.series = series
    configurations = Self.configurations(sample.configuration.removing(Self.withoutBearing), series)
    workload = try FigureWorkload(first)
    iodepth = try first.integer(\.iodepth)
    workers = try first.integer(\.workers)
    guests = try first.integer(\.guests)
    busyGuests = try first.integer(\.busyGuests)
    ioThreads = try first.integer(\.ioThreads)
    guard iodepth > 0, workers > 0, guests > 0, (1...guests).contains(busyGuests), ioThreads > 0 else {
      throw CSVText.Fault(
        line: first.line, reason: "iodepth, workers, guests, busy_guests and io_threads contradict each other"
      )
    }

    var requests = 0.0
    var total = 0.0
    var counts: [ExitReason: Double] = [:]
    var (ioThread, vcpu) = (0.0, 0.0)
    for row in rows {
      requests += try row.windowRequests()
      total += try row.number(\.vmexits)
      for reason in ExitReason.allCases {
        if let column = reason.column { counts[reason, default: 0] += try row.number(column) }
      }
      ioThread += try row.number(\.ioThreadCPUSeconds)
      vcpu += try row.number(\.vcpuCPUSeconds)
    }
    // KVM sometimes counts an exit under two reasons; the total is then the sum of the reasons.
    let named = counts.values.reduce(0, +)
    counts[.other] = max(0, total - named)
    func perRequest(_ value: Double) -> Double { requests > 0 ? value / requests : 0 }
    exits = counts.mapValues(perRequest)
    causes = try Self.causes(rows)?.mapValues(perRequest)
    vmexitsPerIO = perRequest(max(total, named))
    ioThreadMicrosecondsPerIO = perRequest(ioThread * 1e6)
    vcpuMicrosecondsPerIO = perRequest(vcpu * 1e6)
  }

  /// vmexits by cause; nil unless they were counted for each guest.
  private static func causes(_ rows: [Row]) throws(CSVText.Fault) -> [ExitCause: Double]? {
    var counts: [ExitCause: Double] = [:]
    for row in rows {
      guard row.text(\.exitCounting) == ExitCounting.trace.rawValue else { return nil }
      for cause in ExitCause.allCases {
        if let count = try row.optionalNumber(cause.column) { counts[cause, default: 0] += count }
      }
    }
    return counts
  }

  private static func configurations(_ key: ConfigurationKey, _ series: FigureSeries) -> [ConfigurationKey] {
    let column = RecordColumns.table.engine.name
    guard series.path.mode == .virtioBlockTuned, key.values[column] == BlockEngineKind.ioUring.rawValue else {
      return [key]
    }
    return [key, key.replacing(column, with: BlockEngineKind.libaio.rawValue)]
  }
}
