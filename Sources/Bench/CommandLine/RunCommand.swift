import ArgumentParser
import Foundation
import HostSystem
import Hypervisor

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
      "Data paths to compare, the first being the reference; repeatable, or separated by commas. Default: virtio-blk, virtio-blk-poll and vext, "
        + "or vext-adaptive where threads share CPUs.",
      valueName: "mode"))
  var modeLists: [ModeList] = []

  @OptionGroup(title: "Workload")
  var workload: WorkloadOptions

  @OptionGroup(title: "Machines and placement")
  var machines: GuestMachineOptions

  @OptionGroup(title: "Linux guests")
  var linux: LinuxOptions

  @OptionGroup(title: "Disk")
  var diskOptions: DiskOptions

  @Option(name: .customLong("repeat"), help: "Boots per data path; the paths are interleaved.")
  var repetitionCount = 1

  @Option(
    name: .customLong("exits"),
    help:
      "How vmexits are counted: stats by KVM's statistics, trace by cause as well, auto by cause if the host allows it."
  )
  var exitCounting = ExitCounting.stats

  @Option(
    help: ArgumentHelp(
      "The CSV file; rows are added to one that exists. Default: results/runs/<time>-<revision>.csv.",
      valueName: "file.csv"))
  var output: String?

  @Flag(help: "Print the plan and end.")
  var dryRun = false

  @Flag(help: "Show no progress.")
  var quiet = false

  /// Judges the command line alone, before anything is read or made.
  func validate() throws {
    if let output, output.isEmpty || output.hasSuffix("/") || output.hasSuffix(".json") {
      throw ValidationError("--output must name a CSV file, and is '\(output)'")
    }
    do {
      let configuration = runConfiguration(diskByteCount: nil, seed: 0, decision: likelyDecision)
      try configuration.validate()
      try checkLinuxOptions(likelyDecision)
      // Which modes are the usual ones depends on the host.
      if !modeLists.isEmpty { try checkEffects(in: configuration) }
    } catch {
      throw ValidationError(error.description)
    }
  }

  /// What `--guest` says, before the host is examined.
  var likelyDecision: GuestDecision {
    let isLinux = machines.guest == .linux || machines.guest == .auto && !linux.given.isEmpty
    return GuestDecision(kind: isLinux ? .linux : .micro, reason: "--guest \(machines.guest.rawValue)")
  }

  private func checkLinuxOptions(_ decision: GuestDecision) throws(InvalidConfiguration) {
    guard decision.kind == .micro, let option = linux.given.first else { return }
    throw InvalidConfiguration(
      description: "\(option) needs --guest linux; the guest is micro (\(decision.reason))")
  }

  /// The configuration with all defaults filled in.
  ///
  /// - Parameters:
  ///   - diskByteCount: Size of `--disk`, which bounds the default of `--size`; nil while it is unknown.
  ///   - seed: The seed, if none was given.
  ///   - decision: Which guest, and why.
  ///   - kernel: A Linux guest's kernel, if none was given.
  ///   - jobFile: The file that `--job` names.
  func runConfiguration(
    diskByteCount: UInt64?, seed: UInt64, decision: GuestDecision, kernel: String = "",
    jobFile: FioJobFile? = nil
  ) -> RunConfiguration {
    let runtime = workload.runtime ?? (workload.requestLimit == nil ? .milliseconds(3000) : nil)
    var configuration = RunConfiguration(
      modes: modes,
      vmms: machines.vmms,
      vmmPath: machines.vmmPath,
      guest: decision.kind,
      guestReason: decision.reason,
      guestCount: machines.guestCount,
      busyGuestCount: machines.busyGuestCount,
      workerCount: machines.workerCount,
      ioThreadCount: machines.ioThreadCount,
      engine: machines.engine,
      rw: workload.rw,
      blockSize: workload.blockSize,
      iodepth: workload.iodepth,
      regionSize: ByteSize(byteCount: 0),
      runtime: runtime,
      warmup: workload.warmup,
      thinkTime: workload.thinkTime,
      requestLimit: workload.requestLimit,
      repetitionCount: repetitionCount,
      diskPath: diskOptions.disk,
      usesDirectIO: diskOptions.direct,
      verifies: workload.verify,
      ioThreadCPUs: machines.ioThreadCPUs?.cpus,
      vcpuCPUs: machines.vcpuCPUs?.cpus,
      numaNode: machines.numaNode,
      seed: workload.seed ?? seed,
      dropsCaches: diskOptions.dropCaches,
      startsCold: diskOptions.coldCache,
      exitCounting: exitCounting,
      adaptations: machines.adaptation?.values,
      rebalances: machines.rebalance ? true : nil,
      hasGuestProcesses: machines.guestProcesses ? true : nil)
    if decision.kind == .linux {
      configuration.fileSystems = linux.fileSystems
      configuration.linux = linux.configuration(defaultKernel: kernel, jobFile: jobFile, runtime: runtime)
    }
    configuration.regionSize =
      workload.regionSize
      ?? defaultRegionSize(
        diskByteCount: diskByteCount, hasFileSystem: configuration.paths.contains { $0.fileSystem != .none })
    let byteCount = configuration.jobFileByteCount
    configuration.linux?.job?.nameChanges(byteCount: byteCount)
    return configuration
  }

  /// Whether any mode needs a virtual machine.
  var needsMachine: Bool { modes.contains { $0 != .host } }

  /// The modes that were asked for; by default those among the usual ones that a VMM of `--vmm` has.
  private var modes: [DataPathMode] {
    guard modeLists.isEmpty else { return modeLists.flatMap(\.modes) }
    return DataPathMode.defaults.filter { mode in machines.vmms.contains { $0.has(mode) } }
  }

  /// 256 MiB, or as much as the disk holds, in whole I/O blocks.
  private func defaultRegionSize(diskByteCount: UInt64?, hasFileSystem: Bool) -> ByteSize {
    let room = diskByteCount.map {
      hasFileSystem ? RunConfiguration.regionByteCount(ofDiskWithFileSystem: $0) : $0
    }
    let most = min(256 << 20, room ?? .max)
    let block = max(1, workload.blockSize.byteCount)
    return ByteSize(byteCount: most - most % block)
  }

  func run() throws {
    // Before any thread exists: all of them inherit the blocked signals.
    let watch = InterruptionWatch()
    // Before the host is described, which takes longer.
    if !dryRun, machines.guest == .linux, needsMachine,
      let refusal = LinuxRequirements.refusal(on: .current())
    {
      throw refusal
    }
    let diskByteCount = try diskOptions.disk.map(DiskSize.byteCount)
    let host = HostDescription.capture(
      imagePath: diskOptions.disk ?? diskOptions.scratchFolder ?? OutputFiles.folder(csvPath: output))
    let decision = machines.guest.decision(
      backend: host.kvmBackend,
      missing: LinuxRequirements.missing(for: linux.fileSystems, kernelPath: linux.kernel))
    var configuration = try configuration(decision, diskByteCount: diskByteCount)
    let scratchFolder = try scratchFolder()
    if modeLists.isEmpty, try RunPlacement(configuration, scratchFolder: scratchFolder).plan.oversubscribed {
      configuration.giveUpSharedCPUs()
    }
    do throws(InvalidConfiguration) {
      try checkEffects(in: configuration)
    } catch {
      throw BenchFailure(error.description, exitCode: .usage)
    }
    let plan = RunPlan(configuration)
    if let linux = configuration.linux {
      let runner = try LinuxCellRunner(
        configuration, linux: linux, scratchFolder: scratchFolder, backend: host.kvmBackend)
      try run(runner, plan: plan, configuration: configuration, host: host, watch: watch)
    } else {
      let runner = try CellRunner(
        configuration, scratchFolder: scratchFolder, backend: host.kvmBackend)
      try run(runner, plan: plan, configuration: configuration, host: host, watch: watch)
    }
  }

  private func run(
    _ runner: some CellMeasuring, plan: RunPlan, configuration: RunConfiguration, host: HostDescription,
    watch: InterruptionWatch
  ) throws {
    if dryRun {
      try StandardOutput.writeLine(plan.description(of: configuration, placement: runner.placement))
      return
    }
    let context = RunContext(
      identity: .new(revision: try .capture()), host: host, configuration: configuration,
      placement: runner.placement)
    let files = try OutputFiles(
      csvPath: output, scratchFolder: diskOptions.scratchFolder, identity: context.identity)
    try runner.checkHost()
    try files.makeFolder()
    // bench itself opens files and starts programs: its own thread keeps its rights.
    if let obstacle = try GuestSystemCalls.restrict([.vcpu, .io, .device, .share, .control, .watcher]) {
      StandardError.write(.warning, obstacle, from: "bench")
    }
    var session = try RunSession(
      context: context, plan: plan, files: files, progress: ProgressReporter(isQuiet: quiet), watch: watch)
    try session.run(with: runner.publishing(at: files.livePath))
  }

  /// Where disks are made.
  private func scratchFolder() throws -> String {
    guard let folder = diskOptions.scratchFolder else { return OutputFiles.folder(csvPath: output) }
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw BenchFailure(
        "the folder for disks (--scratch), \(folder), is not there or not writable", exitCode: .cannotCreate)
    }
    return folder
  }

  /// The configuration on this host, for the guest that was decided on.
  private func configuration(_ decision: GuestDecision, diskByteCount: UInt64?) throws -> RunConfiguration {
    var kernel = ""
    var jobFile: FioJobFile?
    do {
      try checkLinuxOptions(decision)
      if decision.kind == .linux {
        jobFile = try linux.job.map { try FioJobFile(path: $0) }
        if linux.kernel == nil { kernel = try LinuxRequirements.defaultKernel() }
      }
    } catch let error as InvalidConfiguration {
      throw BenchFailure(error.description, exitCode: .usage)
    } catch let error as GuestRootError {
      throw BenchFailure("the guests' kernel (--kernel): \(error)", exitCode: .unavailable)
    }
    // 53 bits, so that every reader of JSON gets the recorded seed back.
    var configuration = runConfiguration(
      diskByteCount: diskByteCount, seed: UInt64.random(in: 0..<1 << 53), decision: decision, kernel: kernel,
      jobFile: jobFile)
    if let linux = configuration.linux, LinuxRequirements.blockDriver(forKernel: linux.kernelPath) == nil {
      configuration.driverAbsence =
        "vext's block driver is not built for \(linux.kernelPath); scripts/build-driver builds it"
    }
    try validate(configuration, diskByteCount: diskByteCount)
    try FioParseCheck.check(configuration)
    return configuration
  }

  /// What could only be judged once the size of the disk was known.
  private func validate(_ configuration: RunConfiguration, diskByteCount: UInt64?) throws {
    if let diskByteCount, diskByteCount < configuration.blockSize.byteCount {
      throw BenchFailure(
        "the disk \(diskOptions.disk ?? "") has \(diskByteCount) bytes: less than one I/O block "
          + "(--bs \(configuration.blockSize))", exitCode: .dataError)
    }
    let hasFileSystem = configuration.paths.contains { $0.fileSystem != .none }
    if let diskByteCount, hasFileSystem,
      RunConfiguration.regionByteCount(ofDiskWithFileSystem: diskByteCount)
        < configuration.regionSize.byteCount
    {
      throw BenchFailure(
        "--size \(configuration.regionSize) and a file system around it need more than the \(diskByteCount) bytes of "
          + (diskOptions.disk ?? ""), exitCode: .usage)
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
