import Foundation

/// Boots what remains of an experiment.
struct ExperimentRunner {
  let progress: ProgressReporter
  let watch: InterruptionWatch
  /// How the user goes on: `bench matrix --resume`.
  let resumeCommand: String

  /// After this number of failures in a row, the run gives up.
  private static let failureLimit = 3
  /// Beyond its own time, a boot may wait for a slow disk and for its own limits.
  private static let graceSeconds = 600.0
  /// Where only a number of requests ends the window.
  private static let longestSeconds = 86_400.0

  /// Boots all that `folder` lacks.
  ///
  /// A boot that fails is passed over: resuming tries it again.
  ///
  /// - Parameter isNeeded: Asked before each boot; boots that are not needed are passed over.
  /// - Returns: The boots that failed.
  /// - Throws: ``BenchFailure`` if the user interrupted.
  func run(
    _ folder: borrowing ExperimentFolder, with runner: some BootRunning,
    isNeeded: (ExperimentPlan.Boot) throws -> Bool = { _ in true }
  ) throws -> [FailedBoot] {
    let boots = folder.remainingBoots
    var clock = ProgressClock(
      weights: boots.map { folder.plan.estimatedSeconds[$0.cell] ?? 1 }, total: folder.plan.ownBoots.count)
    var failures: [FailedBoot] = []
    var failuresInARow = 0
    for boot in boots {
      if watch.isInterrupted { throw interrupted(folder) }
      guard try isNeeded(boot) else {
        clock.passOne()
        continue
      }
      progress.show(clock.status(title: "repetition \(boot.repetition), \(folder.plan.title(of: boot))"))
      do {
        try run(boot, of: folder, with: runner)
        failuresInARow = 0
      } catch is RunInterruption {
        throw interrupted(folder)
      } catch let failure as BootFailure {
        failures.append(FailedBoot(boot: boot, reason: failure.description))
        failuresInARow += 1
        if failuresInARow == Self.failureLimit { break }
      }
      clock.finishOne()
    }
    progress.clear()
    return failures
  }

  /// The same, where a boot that fails is a failure of the whole.
  func runAll(_ folder: borrowing ExperimentFolder, with runner: some BootRunning) throws {
    if let failure = failure(try run(folder, with: runner), of: folder) { throw failure }
  }

  /// The message about `failures`; nil if there is none.
  func failure(_ failures: [FailedBoot], of folder: borrowing ExperimentFolder) -> BenchFailure? {
    guard let last = failures.last else { return nil }
    return BenchFailure(
      "\(failures.count) boots failed, \(folder.remainingBoots.count) of \(folder.plan.ownBoots.count) are left "
        + "(\(resumeCommand) \(folder.path) tries them again); the last: \(last.reason)")
  }

  /// A boot that failed, and why.
  struct FailedBoot: Equatable, Sendable {
    let boot: ExperimentPlan.Boot
    let reason: String
  }

  /// A boot that failed in its own process.
  private struct BootFailure: Error {
    let description: String
  }

  private func run(
    _ boot: ExperimentPlan.Boot, of folder: borrowing ExperimentFolder, with runner: some BootRunning
  ) throws {
    let side = folder.plan.sides[boot.side]
    try side.checkProgram()
    folder.prepare(boot)
    let seconds =
      folder.plan.estimatedSeconds[boot.cell].map { $0 + Self.graceSeconds } ?? Self.longestSeconds
    let log = folder.logPath(of: boot)
    let code = try runner.run(
      side, arguments: folder.plan.arguments(of: boot, output: folder.outputPath(of: boot)), logPath: log,
      secondLimit: seconds, watch: watch)
    guard code == 0 else {
      if watch.isInterrupted { throw RunInterruption() }
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      let lastLine = text.split(separator: "\n").last.map(String.init) ?? "no output"
      throw BootFailure(description: "boot \(boot.index + 1) ended with \(code): \(lastLine) (\(log))")
    }
    try folder.finish(boot)
  }

  private func interrupted(_ folder: borrowing ExperimentFolder) -> BenchFailure {
    progress.clear()
    let total = folder.plan.ownBoots.count
    return BenchFailure(
      "interrupted after \(total - folder.remainingBoots.count) of \(total) boots; "
        + "\(resumeCommand) \(folder.path) goes on", exitCode: watch.exitCode ?? .interrupted)
  }
}

/// Boots once; a test puts a fake in its place.
protocol BootRunning {
  /// Runs `arguments` on `side`, with all output to `logPath`.
  ///
  /// - Returns: The exit code.
  /// - Throws: ``RunInterruption`` if `watch` said so; ``BenchFailure`` if the program cannot be started or does not end.
  func run(
    _ side: ExperimentSide, arguments: [String], logPath: String, secondLimit: Double,
    watch: InterruptionWatch
  ) throws -> Int32
}
