import ArgumentParser

/// `bench run`: boots guests, runs a workload over each data path, records what it cost.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Boots guests, runs a workload over each data path, and records what it cost.",
    discussion: """
      Sizes are written as fio writes them (4k, 1m, 1g), times as 5s, 500ms or a number of seconds. One CSV row is \
      written for each guest and boot (results/SCHEMA.md), a JSON file beside it, and a table to standard output.
      """)

  @Option(
    name: .customLong("mode"),
    help: ArgumentHelp(
      "Data paths to compare, the first being the reference; repeatable, or separated by commas. Default: all.",
      valueName: "mode"))
  var modeLists: [ModeList] = []

  @OptionGroup(title: "Workload")
  var workload: WorkloadOptions

  @OptionGroup(title: "Machines and placement")
  var machines: MachineOptions

  @OptionGroup(title: "Disk")
  var diskOptions: DiskOptions

  @Option(name: .customLong("repeat"), help: "Boots per mode; the modes are interleaved.")
  var repetitionCount = 1

  @Option(
    help: ArgumentHelp(
      "The CSV file; rows are added to one that exists. Default: results/runs/<time>-<revision>.csv.",
      valueName: "file.csv"))
  var output: String?

  @Flag(help: "Print the plan and end.")
  var dryRun = false

  @Flag(help: "Show no progress.")
  var quiet = false

  /// Judges the command line alone, before anything is looked at or made.
  func validate() throws {
    if let output, output.isEmpty || output.hasSuffix("/") || output.hasSuffix(".json") {
      throw ValidationError("--output must name a CSV file, and is '\(output)'")
    }
    do {
      try runConfiguration(diskByteCount: nil, seed: 0).validate()
    } catch {
      throw ValidationError(error.description)
    }
  }

  /// The configuration with all defaults filled in.
  ///
  /// - Parameters:
  ///   - diskByteCount: Size of `--disk`, which bounds the default of `--size`; nil while it is unknown.
  ///   - seed: The seed, if none was given.
  func runConfiguration(diskByteCount: UInt64?, seed: UInt64) -> RunConfiguration {
    RunConfiguration(
      modes: modeLists.isEmpty ? DataPathMode.allCases : modeLists.flatMap(\.modes),
      guest: machines.guest,
      guestCount: machines.guestCount,
      workerCount: machines.workerCount,
      pollerCount: machines.pollerCount,
      engine: machines.engine,
      rw: workload.rw,
      blockSize: workload.blockSize,
      iodepth: workload.iodepth,
      regionSize: workload.regionSize ?? defaultRegionSize(diskByteCount: diskByteCount),
      runtime: workload.runtime ?? (workload.requestLimit == nil ? .milliseconds(3000) : nil),
      warmup: workload.warmup,
      requestLimit: workload.requestLimit,
      repetitionCount: repetitionCount,
      diskPath: diskOptions.disk,
      usesDirectIO: diskOptions.direct,
      verifies: workload.verify,
      pollerCPUs: machines.pollerCPU?.cpus,
      vcpuCPUs: machines.vcpuCPUs?.cpus,
      numaNode: machines.numaNode,
      seed: workload.seed ?? seed)
  }

  /// 256 MiB, or as much as the disk holds, in whole blocks.
  private func defaultRegionSize(diskByteCount: UInt64?) -> ByteSize {
    let most = min(256 << 20, diskByteCount ?? .max)
    let block = max(1, workload.blockSize.byteCount)
    return ByteSize(byteCount: most - most % block)
  }

  func run() throws {
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    let diskByteCount = try diskOptions.disk.map(DiskSize.byteCount)
    // 53 bits, so that every reader of JSON gets the recorded seed back.
    let configuration = runConfiguration(
      diskByteCount: diskByteCount, seed: UInt64.random(in: 0..<1 << 53))
    try validate(configuration, diskByteCount: diskByteCount)
    let plan = RunPlan(configuration)
    let runner = try CellRunner(configuration, scratchFolder: OutputFiles.folder(csvPath: output))
    if dryRun {
      print(plan.description(of: configuration, placement: runner.placement))
      return
    }
    let context = RunContext(
      identity: .new(revision: .capture()), host: .capture(), configuration: configuration,
      placement: runner.placement)
    let files = try OutputFiles(csvPath: output, identity: context.identity)
    try runner.checkHost()
    try files.makeFolder()
    var session = try RunSession(
      context: context, plan: plan, files: files, progress: ProgressReporter(isQuiet: quiet), watch: watch)
    try session.run(with: runner)
  }

  /// What could only be judged once the size of the disk was known.
  private func validate(_ configuration: RunConfiguration, diskByteCount: UInt64?) throws {
    if let diskByteCount, diskByteCount < configuration.blockSize.byteCount {
      throw BenchFailure(
        "the disk \(diskOptions.disk ?? "") has \(diskByteCount) bytes: less than one block "
          + "(--bs \(configuration.blockSize))", exitCode: .dataError)
    }
    if let diskByteCount, diskByteCount < configuration.regionSize.byteCount {
      throw BenchFailure(
        "--size \(configuration.regionSize) is more than the \(diskByteCount) bytes of \(diskOptions.disk ?? "")",
        exitCode: .usage)
    }
    do {
      try configuration.validate()
    } catch {
      throw BenchFailure(error.description, exitCode: .usage)
    }
  }
}
