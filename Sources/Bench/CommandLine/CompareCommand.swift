import ArgumentParser
import Foundation

/// `bench compare`: whether B differs from A, and which way.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Says whether B is better or worse than A: files of rows, revisions, or configurations.",
    discussion: """
      bench compare a.csv b.csv            rows that were measured before
      bench compare main . -- --mode vext  two revisions ('.': this checkout), interleaved boot by boot
      bench compare --a '--mode virtio-blk' --b '--mode vext'
      bench compare main . --confident 5% -- --mode vext   as few boots as the verdicts need
      bench compare --a '--iodepth 1' --b '--iodepth 4' --scenario file.yaml
      bench compare --baseline FOLDER --scenario file.yaml

      Exit code: 0 all unchanged or improved, 2 something regressed or fails more often, 6 something inconclusive or nothing \
      compared, 5 no baseline, 64 usage, 73 output that cannot be written.
      """)

  @Argument(help: ArgumentHelp("A: a CSV file or a revision.", valueName: "a"))
  var inputA: String?

  @Argument(help: ArgumentHelp("B: another one; '.' is this checkout.", valueName: "b"))
  var inputB: String?

  /// The files or revisions that were named.
  private var inputs: [String] { [inputA, inputB].compactMap(\.self) }

  @Option(
    name: .customLong("a"), parsing: .unconditional,
    help: "A: options of bench run; NAME=VALUE words before them are its environment.")
  var writtenA: String?

  @Option(name: .customLong("b"), parsing: .unconditional, help: "B, likewise.")
  var writtenB: String?

  @Option(help: ArgumentHelp("What is booted.", valueName: "file.yaml"))
  var scenario: String?

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("After --: options of bench run, in place of a scenario.", valueName: "run options"))
  var runOptions: [String] = []

  @OptionGroup(title: "Runs") var options: ExperimentOptions

  @OptionGroup(title: "Verdict") var judgement: ComparisonOptions

  @Option(
    help: ArgumentHelp(
      "A is this host's file in the folder; B, this checkout, unless it is named. Measured again beside B where the file's "
        + "revision can be built.", valueName: "folder"))
  var baseline: String?

  @Flag(help: "Compare with the rows of the baseline as they were recorded.")
  var stored = false

  @Flag(help: "Measure this host's baseline, and compare nothing.")
  var updateBaseline = false

  @Flag(help: "Two CSV files: boots of the same repetition were measured side by side.")
  var paired = false

  @Option(
    help: ArgumentHelp("A column of the configuration that may differ; repeatable.", valueName: "column"))
  var ignore: [String] = []

  @Flag(help: "Compare although the hosts differ; take a baseline although the checkout has changes.")
  var force = false

  func validate() throws {
    for column in ignore {
      if let objection = RecordColumns.objection(toConfigurationColumn: column) {
        throw ValidationError("--ignore \(column): \(objection)")
      }
    }
    if (writtenA == nil) != (writtenB == nil) { throw ValidationError("--a needs --b, and --b needs --a") }
    if scenario != nil, !runOptions.isEmpty {
      throw ValidationError("--scenario and run options exclude each other")
    }
    if baseline == nil, stored || updateBaseline {
      throw ValidationError("--stored and --update-baseline need --baseline")
    }
    let sources = [writtenA != nil, baseline != nil, options.resume != nil].count { $0 }
    let wantedInputs = sources == 0 ? 2...2 : baseline != nil ? 0...1 : 0...0
    guard sources <= 1, wantedInputs.contains(inputs.count) else {
      throw ValidationError("name A and B: two files, two revisions, --a and --b, or --baseline")
    }
    if options.resume != nil, scenario != nil || !runOptions.isEmpty {
      throw ValidationError("--resume goes on as planned: --scenario and run options have no effect")
    }
    if judgement.confident != nil {
      if options.repetitionCount != nil {
        throw ValidationError("--confident boots until it is sure: --max-boots, not --repeat, bounds it")
      }
      if options.resume != nil {
        throw ValidationError("--resume goes on as planned: --confident has no effect")
      }
      if stored { throw ValidationError("--confident needs pairs, which --stored rows are not") }
    }
    if sources > 0, paired { throw ValidationError("--paired has an effect on two files only") }
    if force, writtenA != nil || options.resume != nil || baseline != nil && !updateBaseline {
      throw ValidationError("--force has an effect on two files and on --update-baseline only")
    }
    if updateBaseline, stored || !inputs.isEmpty || !ignore.isEmpty || judgement.isGiven {
      throw ValidationError("--update-baseline compares nothing: options of the comparison have no effect")
    }
  }

  /// Refuses options that have no effect where two files are compared, or where none is.
  private func checkEffects(comparesFiles: Bool) throws {
    var useless: [String] = []
    if comparesFiles {
      useless =
        options.given + (scenario == nil ? [] : ["--scenario"]) + (runOptions.isEmpty ? [] : ["run options"])
    } else if inputs.count == 2 {
      useless = (paired ? ["--paired"] : []) + (force ? ["--force"] : [])
    }
    if comparesFiles, judgement.maxBoots != nil { useless.append("--max-boots") }
    if comparesFiles, judgement.confident != nil, !paired {
      throw BenchFailure("--confident needs pairs: add --paired", exitCode: .usage)
    }
    guard let option = useless.first else { return }
    throw BenchFailure(
      comparesFiles
        ? "\(option) has no effect: two files are compared, and nothing is booted"
        : "\(option) has an effect on two files only, and \(inputs.joined(separator: " and ")) are revisions",
      exitCode: .usage)
  }

  func run() throws {
    let comparesFiles = try inputs.count == 2 && areFiles(inputs)
    try checkEffects(comparesFiles: comparesFiles)
    if comparesFiles {
      // Signals keep their effect: nothing has to be tidied up.
      try show(compareFiles())
      return
    }
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    let session = ComparisonSession(
      options: options, judgement: judgement, ignoring: Set(ignore), host: .capture(), watch: watch)
    if let path = options.resume {
      try show(session.resume(path))
    } else if let baseline {
      try run(Baseline(folder: baseline, host: HostIdentity(session.host)), session)
    } else if let comparison = try session.compare(sides: sides(watch: watch), scenario: loadScenario()) {
      try show(comparison)
    }
  }

  /// Whether `inputs` are files; one of each kind is neither.
  private func areFiles(_ inputs: [String]) throws -> Bool {
    let found = inputs.filter { FileManager.default.fileExists(atPath: $0) && $0 != "." }
    if found.isEmpty, let file = inputs.first(where: { $0.hasSuffix(".csv") }) {
      throw BenchFailure("\(file) does not exist", exitCode: .noInput)
    }
    guard found.count != 1 else {
      let other = inputs.first { !found.contains($0) } ?? ""
      if other.hasSuffix(".csv") || other.contains("/") {
        // All boots of a side failed: that is a result.
        if let side = PlannedSide(beside: other), side.failedCount(rowCount: 0) > 0 { return true }
        throw BenchFailure("\(other) does not exist", exitCode: .noInput)
      }
      throw BenchFailure(
        "\(found[0]) is a file and \(other) is not: compare two of a kind", exitCode: .usage)
    }
    return found.count == 2
  }

  private func compareFiles() throws -> Comparison {
    let metrics = judgement.judgedMetrics
    // One file after the other: only one's text is in memory.
    let boots = try inputs.map { path in
      FileManager.default.fileExists(atPath: path)
        ? try BootSample.boots(of: RowFile(path: path), metrics: metrics, ignoring: Set(ignore)) : []
    }
    let host = boots.joined().first?.host
    let plans = inputs.map(PlannedSide.init(beside:))
    let counts = zip(boots, plans).map { boots, plan in
      let failed = plan?.failedCount(rowCount: boots.count) ?? 0
      return Reliability.Count(boots: boots.count + failed, failed: failed)
    }
    var request = Comparison.Request(
      titleA: inputs[0], titleB: inputs[1], bootsA: boots[0], bootsB: boots[1], metrics: metrics,
      isPaired: paired, isForced: force, leavesOutDoubtful: judgement.trustedOnly,
      confidentMargin: judgement.confident?.share, calibrations: try host.map(judgement.calibrations) ?? [])
    request.rowsAreAll = plans.contains { $0 == nil }
    if counts.contains(where: { $0.failed > 0 }) {
      request.failedBoots = [Comparison.FailedBoots(cell: "all cells", a: counts[0], b: counts[1])]
    }
    return try Comparison(request)
  }

  private func sides(watch: InterruptionWatch) throws -> [ExperimentSide] {
    if let writtenA, let writtenB {
      return try [ExperimentSide(name: "a", written: writtenA), ExperimentSide(name: "b", written: writtenB)]
    }
    let builds = RevisionBuilds(repository: try GitRepository())
    return try [
      builds.side("a", revision: inputs[0], watch: watch),
      builds.side("b", revision: inputs[1], watch: watch),
    ]
  }

  private func loadScenario() throws -> Scenario {
    if let scenario { return try ScenarioFile.load(scenario) }
    guard writtenA != nil || !runOptions.isEmpty else {
      throw BenchFailure(
        "say what to boot: --scenario file.yaml, or options of bench run after --", exitCode: .usage)
    }
    return try Scenario(arguments: runOptions, sidesNameModes: writtenA != nil)
  }

  private func run(_ baseline: Baseline, _ session: ComparisonSession) throws {
    let scenario = try loadScenario()
    if updateBaseline {
      if try session.measure(baseline, scenario: scenario, isForced: force) {
        try StandardOutput.writeLine("baseline: \(baseline.path)")
      }
    } else if let comparison = try session.compare(
      baseline, revision: inputs.first ?? ".", scenario: scenario, usesStoredRows: stored)
    {
      try show(comparison)
    }
  }

  private func show(_ comparison: Comparison) throws {
    try StandardOutput.write(comparison.text(judgement.format))
    if comparison.exitCode != 0 { throw ExitCode(comparison.exitCode) }
  }
}
