import ArgumentParser
import Foundation
import HostSystem

/// Measures the sides of a comparison, and compares them.
struct ComparisonSession {
  let options: ExperimentOptions
  let judgement: ComparisonOptions
  /// Columns that the user lets differ.
  let ignoring: Set<String>
  let host: HostDescription
  let watch: InterruptionWatch

  /// Boots of each side by default: enough for a change of some percent on a host with some percent of noise.
  static let defaultRepetitionCount = 20

  /// Measures `sides` interleaved and compares them; nil after a dry run.
  func compare(sides: [ExperimentSide], scenario: Scenario) throws -> Comparison? {
    guard let folder = try measuredFolder(sides: sides, scenario: scenario) else { return nil }
    return try comparison(of: folder)
  }

  /// Goes on with a comparison that was cut off.
  func resume(_ path: String) throws -> Comparison {
    let folder = try options.resumed(path, kind: .comparison, host: HostIdentity(host))
    try measure(folder)
    return try comparison(of: folder)
  }

  /// Compares `revision` with `baseline`: measured again beside it, where the baseline's revision can be built, else as recorded;
  /// nil after a dry run.
  func compare(_ baseline: Baseline, revision: String, scenario: Scenario, usesStoredRows: Bool) throws
    -> Comparison?
  {
    let metrics = judgement.judgedMetrics
    let recorded = try BootSample.boots(of: baseline.load(), metrics: metrics, ignoring: ignoring)
    let builds = RevisionBuilds(repository: try GitRepository())
    let recordedRevision = try Baseline.revision(of: recorded).flatMap { try builds.repository.commit($0) }
    if let recordedRevision, !usesStoredRows {
      let sides = try [
        builds.side("a", revision: recordedRevision, watch: watch),
        builds.side("b", revision: revision, watch: watch),
      ]
      guard let folder = try measuredFolder(sides: sides, scenario: scenario) else { return nil }
      return try comparison(of: folder, recorded: recorded)
    }
    guard judgement.confident == nil else {
      throw BenchFailure(
        "--confident needs pairs, and the baseline's revision cannot be measured again", exitCode: .usage)
    }
    let side = try builds.side("rows", revision: revision, watch: watch)
    guard let folder = try measuredFolder(sides: [side], scenario: scenario) else { return nil }
    let fresh = try FolderComparison.boots(
      of: folder, side: 0, metrics: judgement.judgedMetrics, ignoring: ignoring)
    let comparison = try Comparison(
      request(titleA: "\(baseline.path), as recorded", titleB: side.title, recorded, fresh, isPaired: false))
    return comparison.adding(notes: [
      "the baseline was not measured again: what changed on the host since then counts as a change"
    ])
  }

  /// Measures the checkout's rows into `baseline`.
  ///
  /// - Returns: False after a dry run.
  func measure(_ baseline: Baseline, scenario: Scenario, isForced: Bool) throws -> Bool {
    let repository = try GitRepository()
    if !isForced, try repository.isDirty() {
      throw BenchFailure(
        "the checkout has changes, so no revision stands for the baseline: commit first, or --force",
        exitCode: .usage)
    }
    let side = try RevisionBuilds(repository: repository).side("rows", revision: ".", watch: watch)
    guard let folder = try measuredFolder(sides: [side], scenario: scenario) else { return false }
    try baseline.replace(by: folder.rowsPath(side: 0))
    return true
  }

  private var runner: ExperimentRunner {
    ExperimentRunner(
      progress: ProgressReporter(isQuiet: options.quiet), watch: watch,
      resumeCommand: "bench compare --resume")
  }

  private func measuredFolder(sides: [ExperimentSide], scenario: Scenario) throws -> ExperimentFolder? {
    let confident = judgement.confident
    if confident != nil { try Self.refuseJobFiles(scenario, sides) }
    var plan = try options.plan(
      .comparison, scenario: scenario, sides: sides, host: host,
      defaultRepetitionCount: Self.defaultRepetitionCount,
      mostRepetitions: confident.map { _ in judgement.maxBoots ?? SequentialDesign.defaultMostBoots })
    if let confident { plan = plan.confident(ofMargin: confident.share) }
    let warning = warning(plan)
    if options.dryRun {
      try StandardOutput.writeLine(plan.text + (warning.map { "\nNO VERDICT   \($0)" } ?? ""))
      return nil
    }
    if let warning { StandardError.write(.warning, warning, from: "bench") }
    let folder = try options.folder(for: plan)
    try measure(folder)
    return folder
  }

  /// Runs the boots that `folder` lacks.
  ///
  /// Boots of B that fail where A's do not are a result, and no reason to end without one.
  private func measure(_ folder: borrowing ExperimentFolder) throws {
    let stopping = stopping(folder)
    let failed = try runner.run(folder, with: BootProcess()) { try stopping?.needs($0) ?? true }
    let failedB = folder.failedBoots.count { $0.side == 1 }
    let failedA = folder.failedBoots.count { $0.side == 0 }
    if failedB > failedA { return }
    if let failure = runner.failure(failed, of: folder) { throw failure }
  }

  /// The rule that ends a comparison with `--confident`; nil for others.
  private func stopping(_ folder: borrowing ExperimentFolder) -> PairStopping? {
    guard let design = design(folder.plan), folder.plan.sides.count == 2 else { return nil }
    let path = folder.path
    return PairStopping(
      plan: folder.plan, design: design, metrics: judgement.judgedMetrics,
      leavesOutDoubtful: judgement.trustedOnly
    ) { ExperimentFolder.bootRowsPath(of: $0, in: path) }
  }

  /// How a comparison with `--confident` decides.
  private func design(_ plan: ExperimentPlan) -> SequentialDesign? {
    plan.confidentMargin.map {
      SequentialDesign(margin: $0, testCount: plan.cells.count * judgement.judgedMetrics.count)
    }
  }

  /// A job file may hold several measurements a boot, whose number is known after the boot only.
  private static func refuseJobFiles(_ scenario: Scenario, _ sides: [ExperimentSide]) throws {
    for cell in scenario.cells {
      for side in sides where try RunCommand.parse(side.arguments(beside: cell.arguments)).linux.job != nil {
        throw BenchFailure("--confident takes no --job: name the workload by options", exitCode: .usage)
      }
    }
  }

  /// The warning before the boots, which take long.
  private func warning(_ plan: ExperimentPlan) -> String? {
    guard plan.sides.count == 2 else { return nil }
    if let design = design(plan) { return design.warning(pairs: plan.repetitionCount) }
    return VerdictRequirements.warning(
      tests: plan.cells.count * judgement.judgedMetrics.count, pairs: plan.repetitionCount)
  }

  private func request(
    titleA: String, titleB: String, _ bootsA: [BootSample], _ bootsB: [BootSample], isPaired: Bool
  ) throws -> Comparison.Request {
    Comparison.Request(
      titleA: titleA, titleB: titleB, bootsA: bootsA, bootsB: bootsB, metrics: judgement.judgedMetrics,
      isPaired: isPaired, leavesOutDoubtful: judgement.trustedOnly,
      calibrations: try judgement.calibrations(of: HostIdentity(host)), host: HostIdentity(host))
  }

  /// Compares the sides of a folder that is complete. Where sides differ in options, the columns that the options set are no part of
  /// what is matched.
  private func comparison(of folder: borrowing ExperimentFolder, recorded: [BootSample] = []) throws
    -> Comparison
  {
    let sides = try FolderComparison(folder, metrics: judgement.judgedMetrics, ignoring: ignoring)
    let comparison = try sides.comparison(
      calibrations: judgement.calibrations(of: HostIdentity(host)),
      leavesOutDoubtful: judgement.trustedOnly)
    var notes = ["rows: \(folder.rowsPath(side: 0)), \(folder.rowsPath(side: 1))"]
    if !recorded.isEmpty, let note = try drift(from: recorded, to: sides.request.bootsA) {
      notes.append(note)
    }
    return comparison.adding(notes: notes)
  }

  /// Says whether the baseline's own revision measures now what was recorded.
  private func drift(from recorded: [BootSample], to fresh: [BootSample]) throws -> String? {
    let configurations = Set(fresh.map(\.configuration))
    let known = recorded.filter { configurations.contains($0.configuration) }
    guard Set(known.map(\.configuration)) == configurations else { return nil }
    let moved = try Comparison(request(titleA: "", titleB: "", known, fresh, isPaired: false)).metrics
      .filter { $0.verdict == .regressed || $0.verdict == .improved }
    guard !moved.isEmpty else { return "the baseline's revision has the results that were recorded" }
    let list = moved.map {
      "\($0.configuration) \($0.metric.rawValue) \($0.relativeShift.map(NumberText.percent) ?? "")"
    }
    return "the host itself changed since the baseline was recorded (the same revision, measured again): "
      + list.joined(separator: ", ")
  }
}
