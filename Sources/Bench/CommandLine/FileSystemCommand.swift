import ArgumentParser
import Foundation

/// `bench fs`: file systems of this host, compared without a virtual machine.
struct FileSystemCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fs",
    abstract: "Compares fuse-vext, the kernel's ext4 and fuse2fs on images of this host.",
    discussion: """
      Each repetition runs every workload once on every file system, in random order, each time on a new image that mkfs.ext4 made. \
      Every image is checked with e2fsck afterwards. Needs root. docs/bench-fs.md describes workloads, table and CSV.
      """)

  @Option(
    name: .customLong("fs"), help: ArgumentHelp("File systems, separated by commas.", valueName: "list"))
  var fileSystems = NameList<HostFileSystem>([.fuseVext, .ext4, .fuse2fs])

  @Option(
    name: .customLong("workload"), help: ArgumentHelp("Workloads, separated by commas.", valueName: "list"))
  var workloads = NameList<HostWorkload>(HostWorkload.allCases)

  @Option(name: .customLong("repeat"), help: "How often each workload runs on each file system.")
  var repetitionCount = 3

  @Option(help: "The size of fio's file: a multiple of 1m.")
  var size = ByteSize(byteCount: 256 << 20)

  @Option(help: "How long fio's reads and writes with O_DIRECT take.")
  var runtime = TimeSpan.milliseconds(3000)

  @Option(help: "Files of the workloads that count files.")
  var files = 10_000

  @Option(
    help: ArgumentHelp(
      "Where the images go: a folder on a disk. Default: the variable BENCH_SCRATCH, else the working directory.",
      valueName: "folder"))
  var folder: String?

  @Option(
    help: ArgumentHelp(
      "A CSV file that gets a row for each measurement. Default: none.", valueName: "file.csv"))
  var output: String?

  @Option(help: "How the result is printed.")
  var format = ReportFormat.table

  @Option(help: "Seed of the order and of the files. Default: a new one, which is recorded.")
  var seed: UInt64?

  @Option(
    name: .customLong("fuse-vext"),
    help: ArgumentHelp("The program fuse-vext. Default: the one beside bench.", valueName: "path"))
  var fuseVext: String?

  @Flag(help: "Show no progress.")
  var quiet = false

  func validate() throws {
    if let name = fileSystems.firstDuplicate { throw ValidationError("--fs names \(name) twice") }
    if let name = workloads.firstDuplicate { throw ValidationError("--workload names \(name) twice") }
    guard (1...1000).contains(repetitionCount) else {
      throw ValidationError("--repeat must be between 1 and 1000, and is \(repetitionCount)")
    }
    guard (1 << 20...1 << 40).contains(size.byteCount), size.byteCount.isMultiple(of: 1 << 20) else {
      throw ValidationError("--size must be a multiple of 1m between 1m and 1t, and is \(size)")
    }
    guard runtime >= .milliseconds(100) else {
      throw ValidationError("--runtime must be at least 100ms, and is \(runtime)")
    }
    guard (1...1_000_000).contains(files) else {
      throw ValidationError("--files must be between 1 and 1000000, and is \(files)")
    }
    if let seed, seed >= 1 << 53 { throw ValidationError("--seed must be below 2^53") }
  }

  /// What is measured, if all file systems are installed.
  var settings: FileSystemSettings {
    FileSystemSettings(
      fileSystems: fileSystems.values, workloads: workloads.values, repetitionCount: repetitionCount,
      size: size,
      // 53 bits, so that every reader of JSON gets the recorded seed back.
      runtime: runtime, fileCount: files, seed: seed ?? UInt64.random(in: 0..<1 << 53))
  }

  func run() throws {
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    // mountinfo has no links in its paths.
    let folder = URL(
      filePath: self.folder ?? ProcessInfo.processInfo.environment["BENCH_SCRATCH"] ?? ".",
      directoryHint: .isDirectory
    ).resolvingSymlinksInPath().path
    let (settings, notes, programs) = try FileSystemRequirements().check(
      settings, folder: folder, fuseVext: fuseVext ?? FileSystemPrograms.defaultFuseVext)
    let identity = RunIdentity.new(revision: try .capture())
    let outputPath = try output.map { try OutputFiles(csvPath: $0, identity: identity).csvPath }
    // A file with other columns is an error before anything is measured.
    if let outputPath { _ = try CSVWriter(path: outputPath, header: FileSystemRows.header) }
    let run = FileSystemRun(
      settings: settings, programs: programs,
      rows: FileSystemRows(
        runID: identity.runID, startedAt: identity.startedAt, revision: identity.revision.name,
        kernel: KernelFiles(root: "/").word("proc/sys/kernel/osrelease") ?? "", folder: folder,
        settings: settings),
      progress: ProgressReporter(isQuiet: quiet), watch: watch)
    try finish(run, in: folder, outputPath: outputPath, notes: notes)
  }

  private func finish(_ run: FileSystemRun, in folder: String, outputPath: String?, notes: [String]) throws {
    var measurements: [FileSystemMeasurement] = []
    let outcome = Result {
      try run.measure(in: folder) { measurement in
        measurements.append(measurement)
        if let outputPath { try run.rows.append(measurement, to: outputPath) }
      }
    }
    if !measurements.isEmpty {
      let summary = FileSystemSummary(
        runID: run.rows.runID, settings: run.settings, measurements: measurements,
        // A failure of the run is reported below.
        notes: notes + ((try? outcome.get()) ?? []))
      try StandardOutput.write(summary.text(format))
    }
    do {
      _ = try outcome.get()
    } catch is RunInterruption {
      throw BenchFailure(
        "interrupted after \(measurements.count) of \(FileSystemPlan(run.settings).cells.count) measurements",
        exitCode: run.watch.exitCode ?? .general)
    }
  }
}
