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
    let side = try builds.side("rows", revision: revision, watch: watch)
    guard let folder = try measuredFolder(sides: [side], scenario: scenario) else { return nil }
    let fresh = try boots(of: folder, side: 0)
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
    let plan = try options.plan(
      .comparison, scenario: scenario, sides: sides, host: host,
      defaultRepetitionCount: Self.defaultRepetitionCount)
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
    let failed = try runner.run(folder, with: BootProcess())
    let failedB = folder.failedBoots.count { $0.side == 1 }
    let failedA = folder.failedBoots.count { $0.side == 0 }
    if failedB > failedA { return }
    if let failure = runner.failure(failed, of: folder) { throw failure }
  }

  /// The warning before the boots, which take long.
  private func warning(_ plan: ExperimentPlan) -> String? {
    guard plan.sides.count == 2 else { return nil }
    return VerdictRequirements.warning(
      tests: plan.cells.count * judgement.judgedMetrics.count, pairs: plan.repetitionCount)
  }

  /// The boots of each cell in which one failed.
  private func failedBoots(of folder: borrowing ExperimentFolder) -> [Comparison.FailedBoots] {
    let failed = folder.failedBoots
    let left = Set(folder.remainingBoots.map(\.index))
    let done = folder.plan.boots.filter { !left.contains($0.index) }
    func count(cell: Int, side: Int) -> Reliability.Count {
      let failures = failed.count { $0.cell == cell && $0.side == side }
      return Reliability.Count(
        boots: failures + done.count { $0.cell == cell && $0.side == side }, failed: failures)
    }
    return Set(failed.map(\.cell)).sorted().map { cell in
      Comparison.FailedBoots(
        cell: folder.plan.cells[cell].title, a: count(cell: cell, side: 0), b: count(cell: cell, side: 1))
    }
  }

  private func boots(of folder: borrowing ExperimentFolder, side: Int) throws -> [BootSample] {
    let path = folder.rowsPath(side: side)
    // A side whose every boot failed has no file.
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    return try BootSample.boots(
      of: RowFile(path: path), metrics: judgement.judgedMetrics, ignoring: ignoring)
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
    guard folder.plan.sides.count == 2 else {
      throw BenchFailure("\(folder.path) has one side only", exitCode: .usage)
    }
    var first = try boots(of: folder, side: 0)
    var second = try boots(of: folder, side: 1)
    let differing = SideDifference.columns(first, second)
    first = first.map { $0.ignoring(differing) }
    second = second.map { $0.ignoring(differing) }
    var request = try request(
      titleA: folder.plan.sides[0].title, titleB: folder.plan.sides[1].title, first, second, isPaired: true)
    request.failedBoots = failedBoots(of: folder)
    let comparison = try Comparison(request)
    var notes = ["rows: \(folder.rowsPath(side: 0)), \(folder.rowsPath(side: 1))"]
    if !differing.isEmpty { notes.append("A and B differ in: \(differing.sorted().joined(separator: ", "))") }
    if !recorded.isEmpty, let note = try drift(from: recorded, to: first) { notes.append(note) }
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

/// Finds the columns in which the options of two sides of an experiment differ.
enum SideDifference {
  /// Columns of the configuration that have no value on both sides.
  ///
  /// Where an option has a value on each side, the values are compared with each other and must not keep the boots apart.
  static func columns(_ first: [BootSample], _ second: [BootSample]) -> Set<String> {
    let all = ConfigurationKey.varyingColumns(of: (first + second).map(\.configuration))
    let differing = all.filter { column in
      Set(first.map { $0.configuration.values[column] }).isDisjoint(
        with: Set(second.map { $0.configuration.values[column] }))
    }
    return Set(differing)
  }
}
