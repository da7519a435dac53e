import ArgumentParser
import Foundation

/// `bench matrix`: boots every combination of a scenario file.
struct MatrixCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "matrix",
    abstract: "Boots every combination of a scenario file, in interleaved random order.",
    discussion: """
      Each repetition boots every combination once, in an order of its own. Rows go to rows.csv of the run's folder. A run that \
      was cut off goes on with --resume. docs/benchmarking.md describes the file. Several hosts share a run by --shard, and bench \
      merge puts their parts together.
      """)

  @Argument(help: ArgumentHelp("The scenario.", valueName: "file.yaml"))
  var scenario: String?

  @Option(
    help: ArgumentHelp(
      "Boot only this part of the plan: 2/4 is the second of four. A repetition stays whole. Every part needs the same seed, from the "
        + "scenario or --seed.", valueName: "k/n"))
  var shard: ExperimentShard?

  @OptionGroup var options: ExperimentOptions

  func validate() throws {
    if (scenario == nil) == (options.resume == nil) {
      throw ValidationError("name a scenario file, or a run to --resume")
    }
    if shard != nil, options.resume != nil {
      throw ValidationError("--resume goes on as planned: --shard has no effect")
    }
  }

  func run() throws {
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    let host = HostDescription.capture()
    if let path = options.resume {
      try finish(options.resumed(path, kind: .matrix, host: HostIdentity(host)), watch: watch)
    } else if let scenario {
      let file = try ScenarioFile.load(scenario)
      if let shard, options.seed == nil, file.seed == nil {
        throw BenchFailure(
          "--shard \(shard) needs a seed, or each part has a plan of its own: --seed, or seed in \(scenario)",
          exitCode: .usage)
      }
      var plan = try options.plan(
        .matrix, scenario: file, sides: [ExperimentSide(name: "rows", title: "this bench")], host: host)
      if let shard { plan = try plan.restricted(to: shard) }
      if options.dryRun {
        try StandardOutput.writeLine(plan.text)
        return
      }
      try finish(options.folder(for: plan), watch: watch)
    }
  }

  private func finish(_ folder: consuming ExperimentFolder, watch: InterruptionWatch) throws {
    let runner = ExperimentRunner(
      progress: ProgressReporter(isQuiet: options.quiet), watch: watch, resumeCommand: "bench matrix --resume"
    )
    try runner.runAll(folder, with: BootProcess())
    try StandardOutput.writeLine(
      "\(folder.plan.ownBoots.count) boots; rows: \(folder.rowsPath(side: 0)); each boot's record: \(folder.path)/boots"
    )
  }
}
