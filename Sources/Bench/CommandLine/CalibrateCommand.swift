import ArgumentParser
import Foundation

/// `bench calibrate`: measures the noise of this host.
struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Compares this bench with itself, and stores the noise for bench compare.",
    discussion: """
      Each cell of the scenario is booted in pairs that do not differ. Their differences are the host's noise: it gives the \
      floors below which bench compare sees no change, and the number of pairs that find a change of 5 %.
      """)

  @Option(help: ArgumentHelp("What is booted.", valueName: "file.yaml"))
  var scenario: String?

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("After --: options of bench run, in place of a scenario.", valueName: "run options"))
  var runOptions: [String] = []

  @OptionGroup var options: ExperimentOptions

  @Option(
    help: ArgumentHelp(
      "Where the result goes. Default: $XDG_CACHE_HOME/vext/calibration, by host and scenario.",
      valueName: "file.json"))
  var save: String?

  @Option(help: "How the result is printed.")
  var format = ReportFormat.table

  /// The default number of pairs, from which the spread is known to a quarter.
  private static let defaultRepetitionCount = 20

  func validate() throws {
    guard options.resume != nil || (scenario == nil) != runOptions.isEmpty else {
      throw ValidationError("say what to boot: --scenario file.yaml, or options of bench run after --")
    }
    if let count = options.repetitionCount, count < 6 {
      throw ValidationError("--repeat must be 6 at least: fewer pairs show no spread")
    }
  }

  func run() throws {
    if let save, let scenario { try FileIdentity.refuse("--save", save, among: [scenario]) }
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    let host = HostDescription.capture()
    if let path = options.resume {
      try finish(options.resumed(path, kind: .calibration, host: HostIdentity(host)), watch: watch)
      return
    }
    let plan = try options.plan(
      .calibration, scenario: scenario.map(ScenarioFile.load) ?? Scenario(arguments: runOptions),
      sides: [
        ExperimentSide(name: "a", title: "this bench"), ExperimentSide(name: "b", title: "this bench again"),
      ], host: host, defaultRepetitionCount: Self.defaultRepetitionCount)
    if options.dryRun {
      try StandardOutput.writeLine(plan.text)
    } else {
      try finish(options.folder(for: plan), watch: watch)
    }
  }

  private func finish(_ folder: consuming ExperimentFolder, watch: InterruptionWatch) throws {
    let runner = ExperimentRunner(
      progress: ProgressReporter(isQuiet: options.quiet), watch: watch,
      resumeCommand: "bench calibrate --resume")
    try runner.runAll(folder, with: BootProcess())
    let calibration = try calibration(folder)
    let path = try CalibrationStore.inUserCache.save(calibration, to: save)
    try StandardOutput.write(calibration.text(format))
    if format != .json { try StandardOutput.writeLine("- stored: \(path)") }
  }

  private func calibration(_ folder: borrowing ExperimentFolder) throws -> Calibration {
    let metrics = Metric.allCases
    let sides = try [0, 1].map { side in
      try BootSample.boots(of: RowFile(path: folder.rowsPath(side: side)), metrics: metrics)
    }
    let comparable = try ComparisonSides(
      Comparison.Request(
        titleA: "", titleB: "", bootsA: sides[0], bootsB: sides[1], metrics: metrics, isPaired: true))
    let entries = comparable.configurations.flatMap { key, _ in
      metrics.compactMap { metric -> Calibration.Entry? in
        guard case .paired(let pairs)? = comparable.samples(of: metric, configuration: key) else {
          return nil
        }
        return Calibration.Entry(configuration: key, metric: metric, pairs: pairs)
      }
    }
    var calibration = Calibration(
      host: folder.plan.host, scenario: folder.plan.name, scenarioFingerprint: folder.plan.fingerprint,
      createdAt: RunIdentity.timestamp(Date()), gitRevision: sides[0].first?.revision ?? "",
      pairCount: folder.plan.repetitionCount, entries: entries)
    if entries.contains(where: { !$0.isUsable }) { calibration.doctor = doctorReasons() }
    return calibration
  }

  /// The doctor's findings that spoil results on this host.
  private func doctorReasons() -> [String]? {
    guard let run = try? RunCommand.parse([]),
      let environment = try? DoctorEnvironment.capture(
        run.runConfiguration(diskByteCount: nil, seed: 0, decision: run.likelyDecision),
        scratchFolder: OutputFiles.defaultFolder)
    else { return nil }
    return DoctorReport(environment).findings.filter { $0.severity == .spoils }.map {
      "\($0.check.rawValue): \($0.found)"
    }
  }
}
