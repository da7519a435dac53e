import ArgumentParser

extension Metric: ExpressibleByArgument {}
extension ComparisonFormat: ExpressibleByArgument {}
extension ReportFormat: ExpressibleByArgument {}

/// What is judged, against which floors, and how it is printed.
struct ComparisonOptions: ParsableArguments {
  @Option(
    name: .customLong("metric"),
    help: ArgumentHelp(
      "Judge by this metric; repeatable. Default: \(Metric.judgedByDefault.map(\.rawValue).joined(separator: ", ")).",
      valueName: "column"))
  var metrics: [Metric] = []

  @Option(help: "How the result is printed; junit and github are for a CI (docs/ci.md).")
  var format = ComparisonFormat.table

  @Option(
    help: ArgumentHelp("Take the floors from this file of bench calibrate.", valueName: "file.json"))
  var calibration: String?

  @Flag(help: "Leave out boots with a mark (docs/benchmarking.md).")
  var trustedOnly = false

  @Option(
    help: ArgumentHelp(
      "Boot pairs, or take them from --paired files, until each metric's change is found or shown to be smaller than this.",
      valueName: "percent%"))
  var confident: Percentage?

  @Option(
    help: ArgumentHelp(
      "With --confident: the most boots of each cell on each side (default: \(SequentialDesign.defaultMostBoots)).",
      valueName: "count"))
  var maxBoots: Int?

  func validate() throws {
    if let confident, !SequentialDesign.margins.contains(confident.share) {
      throw ValidationError("--confident takes 0.1% to 100%")
    }
    if let maxBoots {
      guard confident != nil else { throw ValidationError("--max-boots has an effect with --confident only") }
      guard (SequentialSignTest.firstLook...SequentialDesign.mostPairs).contains(maxBoots) else {
        throw ValidationError(
          "--max-boots must be between \(SequentialSignTest.firstLook) and \(SequentialDesign.mostPairs), and is \(maxBoots)"
        )
      }
    }
    if confident != nil, calibration != nil {
      throw ValidationError("--calibration has no effect with --confident, which needs no noise floor")
    }
    if Set(metrics).count < metrics.count { throw ValidationError("--metric names a metric twice") }
  }

  /// Whether any of them was given.
  var isGiven: Bool {
    !metrics.isEmpty || calibration != nil || trustedOnly || format != .table || confident != nil
  }

  /// The metrics to judge by.
  var judgedMetrics: [Metric] { metrics.isEmpty ? Metric.judgedByDefault : metrics }

  /// What is known of the noise of `host`.
  func calibrations(of host: HostIdentity) throws -> [Calibration] {
    if let calibration { return [try CalibrationStore.load(calibration)] }
    return try CalibrationStore.inUserCache.calibrations(of: host)
  }
}
