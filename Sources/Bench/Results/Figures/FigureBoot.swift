/// One boot with what figures are made of.
struct FigureBoot: Sendable {
  /// The boot itself.
  let sample: BootSample
  /// What it is drawn as.
  let series: FigureSeries
  /// What was measured, without what has no bearing on the figures. A mode that chooses its engine itself was measured beside each
  /// of several.
  let configurations: [ConfigurationKey]
  let workload: FigureWorkload
  let iodepth: Int
  let workers: Int
  let guests: Int
  let busyGuests: Int
  let pollers: Int
  /// vmexits per request, by reason. They add up to ``vmexitsPerIO``.
  let exits: [ExitReason: Double]
  /// All vmexits per request.
  let vmexitsPerIO: Double
  /// CPU time of the I/O threads per request.
  let pollerMicrosecondsPerIO: Double
  /// CPU time of the vCPUs per request.
  let vcpuMicrosecondsPerIO: Double
  /// Latencies of all its guests, where the record beside the rows was found.
  let latencies: LatencyCurve?

  /// Columns in which boots of one figure may differ. How long was measured, and what lay around it, is no other experiment.
  private static let withoutBearing: Set<String> = [
    "mode", "vmm", "fs", "runtime_s", "warmup_s", "requests_per_worker", "disk_bytes",
  ]

  /// The figures of `sample`, which has `rows`.
  init(_ sample: BootSample, rows: [Row], latencies: LatencyCurve?) throws(CSVText.Fault) {
    let first = rows[0]
    self.sample = sample
    self.latencies = latencies
    let series = try FigureSeries(first)
    self.series = series
    configurations = Self.configurations(sample.configuration.removing(Self.withoutBearing), series)
    workload = try FigureWorkload(first)
    iodepth = try first.integer(.iodepth)
    workers = try first.integer(.workers)
    guests = try first.integer(.guests)
    busyGuests = try first.integer(.busyGuests)
    pollers = try first.integer(.pollers)
    guard iodepth > 0, workers > 0, guests > 0, (1...guests).contains(busyGuests), pollers > 0 else {
      throw CSVText.Fault(
        line: first.line, reason: "iodepth, workers, guests, busy_guests and pollers contradict each other")
    }

    var requests = 0.0
    var total = 0.0
    var counts: [ExitReason: Double] = [:]
    var (poller, vcpu) = (0.0, 0.0)
    for row in rows {
      requests += try row.windowRequests()
      total += try row.number(.vmexits)
      for reason in ExitReason.allCases {
        if let column = reason.column { counts[reason, default: 0] += try row.number(column) }
      }
      poller += try row.number(.pollerCPUSeconds)
      vcpu += try row.number(.vcpuCPUSeconds)
    }
    // KVM counts an exit under two reasons now and then; the whole is what they add up to then.
    let named = counts.values.reduce(0, +)
    counts[.other] = max(0, total - named)
    func perRequest(_ value: Double) -> Double { requests > 0 ? value / requests : 0 }
    exits = counts.mapValues(perRequest)
    vmexitsPerIO = perRequest(max(total, named))
    pollerMicrosecondsPerIO = perRequest(poller * 1e6)
    vcpuMicrosecondsPerIO = perRequest(vcpu * 1e6)
  }

  private static func configurations(_ key: ConfigurationKey, _ series: FigureSeries) -> [ConfigurationKey] {
    let column = RunRecord.CodingKeys.engine.rawValue
    guard series.path.mode == .virtioBlockTuned, key.values[column] == "io_uring" else { return [key] }
    return [key, key.replacing(column, with: "libaio")]
  }
}
