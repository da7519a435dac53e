import ArgumentParser
import Foundation

/// `bench matrix`: boots every combination of a scenario file.
struct MatrixCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "matrix",
    abstract: "Boots every combination of a scenario file, in interleaved random order.",
    discussion: """
      Each block holds every combination once, in an order of its own. Rows go to rows.csv of the run's folder. A run that \
      was cut off goes on with --resume. docs/benchmarking.md describes the file.
      """)

  @Argument(help: ArgumentHelp("The scenario.", valueName: "file.yaml"))
  var scenario: String?

  @OptionGroup var options: ExperimentOptions

  func validate() throws {
    if (scenario == nil) == (options.resume == nil) {
      throw ValidationError("name a scenario file, or a run to --resume")
    }
  }

  func run() throws {
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    let host = HostDescription.capture()
    if let path = options.resume {
      try finish(options.resumed(path, kind: .matrix, host: HostIdentity(host)), watch: watch)
    } else if let scenario {
      let plan = try options.plan(
        .matrix, scenario: ScenarioFile.load(scenario),
        sides: [ExperimentSide(name: "rows", title: "this bench")], host: host)
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
      "\(folder.plan.boots.count) boots; rows: \(folder.rowsPath(side: 0)); each boot's record: \(folder.path)/boots"
    )
  }
}
