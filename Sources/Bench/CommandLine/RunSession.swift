import Foundation
import Hypervisor

/// One run from its first boot to its table.
struct RunSession: ~Copyable {
  private let context: RunContext
  private let plan: RunPlan
  private let files: OutputFiles
  private let progress: ProgressReporter
  private let watch: InterruptionWatch
  private let writer: CSVWriter
  private let show: (String) throws -> Void
  private var results: [RunDocument.Result] = []
  private var boots: [BootSummary] = []
  private var bootCount = 0
  private var nativeRoundTrips: [Double] = []

  /// A run that has not begun, whose table goes to `show`.
  ///
  /// - Throws: ``BenchFailure`` if rows cannot be added to the CSV file that is there.
  init(
    context: RunContext, plan: RunPlan, files: OutputFiles, progress: ProgressReporter,
    watch: InterruptionWatch,
    show: @escaping (String) throws -> Void = StandardOutput.writeLine
  ) throws {
    self.context = context
    self.plan = plan
    self.files = files
    self.progress = progress
    self.watch = watch
    self.show = show
    writer = try CSVWriter(path: files.csvPath)
  }

  /// Boots all cells of the plan; then, whatever became of them, writes the document and prints the table.
  ///
  /// - Throws: What ended the run early; ``BenchFailure`` if it was the user, or if requests failed.
  mutating func run(with runner: some CellMeasuring) throws {
    var failure: (any Error)?
    do {
      try bootAll(with: runner)
    } catch {
      failure = error
    }
    progress.clear()
    if !results.isEmpty {
      do {
        try finish()
      } catch {
        // What ended the run early says more than what became of its document.
        if failure == nil { throw error }
      }
    }
    if let failure { throw explained(failure) }
    try checkOutcome()
  }

  private mutating func bootAll(with runner: some CellMeasuring) throws {
    let configuration = context.configuration
    if let path = configuration.diskPath {
      let paths = [String](repeating: path, count: configuration.guestCount)
      try bootAll(with: runner, diskPaths: paths)
    } else {
      let diskSize = configuration.scratchDiskSize
      progress.show("making \(configuration.guestCount) disk(s) of \(diskSize)")
      let watch = watch
      let disks = try ScratchDisks(
        in: files.scratchDiskFolder(identity: context.identity), count: configuration.guestCount,
        byteCount: diskSize.byteCount, isFilled: configuration.engine != .null,
        isInterrupted: { watch.isInterrupted })
      try bootAll(with: runner, disks: disks)
    }
  }

  /// Borrows the disks, so that they last until the last guest has ended.
  private mutating func bootAll(with runner: some CellMeasuring, disks: borrowing ScratchDisks) throws {
    try bootAll(with: runner, diskPaths: disks.paths)
  }

  private mutating func bootAll(with runner: some CellMeasuring, diskPaths: [String]) throws {
    for cell in plan.cells {
      if watch.isInterrupted { throw RunInterruption() }
      progress.show(ProgressReporter.status(of: cell, plan: plan, configuration: context.configuration))
      let measurements = try runner.run(cell, diskPaths: diskPaths, watch: watch)
      for measurement in measurements {
        try record(measurement, of: cell)
      }
      let parts = Dictionary(grouping: measurements, by: \.part).sorted { $0.key < $1.key }
      boots += parts.compactMap { BootSummary(cell: cell, measurements: $0.value) }
      bootCount += 1
      try measureRoundTrip()
    }
  }

  private mutating func record(_ measurement: CellMeasurement, of cell: RunCell) throws {
    let row = RunRecord(context: context, cell: cell, measurement: measurement)
    try writer.write(row)
    results.append(
      RunDocument.Result(
        row: row, grantedPlacement: measurement.granted, workerElapsedSeconds: measurement.elapsedSeconds,
        latencyHistogram: NanosecondHistogram(measurement.latency), linux: measurement.linux,
        peer: measurement.peer))
  }

  /// Without a disk, results are related to the round trip between two native threads: measured on the same two
  /// CPUs, between the boots.
  private mutating func measureRoundTrip() throws {
    guard context.configuration.engine == .null, let ioThread = context.placement.ioThreadCPUs.first,
      let vcpu = context.placement.vcpuCPUs.first?.first, ioThread != vcpu
    else { return }
    // No longer than the window itself: of many short boots, most of the time should be theirs.
    let duration = min(.milliseconds(200), context.configuration.runtime ?? .milliseconds(200))
    let roundTrip = try RoundTripMeasurement.measure(cpus: [ioThread, vcpu], duration: duration)
    nativeRoundTrips.append(roundTrip.nanoseconds)
  }

  private func finish() throws {
    let document = RunDocument(
      runID: context.identity.runID, startedAt: context.identity.startedAt,
      finishedAt: RunIdentity.timestamp(Date()), isComplete: bootCount == plan.cells.count,
      gitRevision: context.identity.revision.name, isDirty: context.identity.revision.isDirty,
      commandLine: CommandLine.arguments, host: context.host, configuration: context.configuration,
      plan: plan,
      plannedPlacement: context.placement, nativeRoundTripNanoseconds: nativeRoundTrips, results: results)
    let table = tables()
    let doubts = try TrustIssue.sentence(TrustIssue.issues(of: results.map(\.row)))
    let notes =
      Footnotes.lines(context: context, boots: boots, nativeRoundTrips: nativeRoundTrips)
      + (doubts.map { [$0] } ?? [])
    let shown = Result {
      try show("\n" + table)
      for note in notes { try show("- \(note)") }
    }
    // After the table, which has been seen where the document cannot be written; and though the table could not be shown.
    let jsonPath = try files.write(document)
    try shown.get()
    try show("- rows: \(files.csvPath); host, plan and histograms: \(jsonPath)")
  }

  /// A table for each part of a job file, or the only one.
  private func tables() -> String {
    let paths = context.configuration.paths
    guard let job = context.configuration.linux?.job, job.parts.count > 1 else {
      return RunTable(boots: boots, paths: paths).text()
    }
    return job.parts.enumerated().map { index, part in
      let table = RunTable(boots: boots.filter { $0.part == index }, paths: paths).text()
      return "phase \(job.groupName(ofPart: index) ?? ""): \(part.summary)\n\n\(table)"
    }.joined(separator: "\n")
  }

  private func explained(_ failure: any Error) -> any Error {
    guard failure is RunInterruption else { return failure }
    return BenchFailure(
      "interrupted after \(bootCount) of \(plan.cells.count) boots; their rows were kept",
      exitCode: watch.exitCode ?? .general)
  }

  /// A boot with failed requests or wrong data is recorded, but fails the run.
  private func checkOutcome() throws {
    let wrong = boots.reduce(0) { $0 + $1.verifyErrors }
    if wrong > 0 {
      throw BenchFailure("\(wrong) I/O blocks did not hold what was written to them", exitCode: .ioError)
    }
    let errors = boots.reduce(0) { $0 + $1.errors }
    if errors > 0 {
      throw BenchFailure("\(errors) requests ended with an error (column errors)", exitCode: .ioError)
    }
  }
}

/// Boots the guests of a cell and measures them; a test puts a fake in its place.
protocol CellMeasuring {
  /// Where threads and memory are to be.
  var placement: PlacementRecord { get }

  /// Checks that this host can do the run.
  func checkHost() throws

  /// The same, with open windows that publish their counts in the file at `path`.
  func publishing(at path: String) -> Self

  /// Boots all guests on the data path of `cell`, runs the workload, and takes the machines down again.
  ///
  /// - Parameters:
  ///   - cell: The path, and the workload's seed.
  ///   - diskPaths: The disk of each guest, which are the same path where guests share one.
  ///   - watch: To be asked while waiting; when it says so, the machines are taken down early.
  /// - Returns: One measurement for each guest.
  /// - Throws: ``RunInterruption`` if the watch said so; whatever else ends the run.
  func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement]
}

extension CellMeasuring {
  /// A Linux guest tells its count when it has ended.
  func publishing(at path: String) -> Self { self }
}
