import HostSystem
import Hypervisor

/// Boots the micro guests of one cell, runs the workload and reads the results.
struct CellRunner: CellMeasuring {
  private let configuration: RunConfiguration
  private let threads: RunPlacement
  private let backend: KVMBackend
  private var livePath: String?

  /// Plans the placement by the host's topology and the disk's place in it. Starts nothing.
  ///
  /// - Parameters:
  ///   - scratchFolder: where the disks are made unless the user named one; it may not exist yet.
  ///   - backend: The host's KVM.
  init(_ configuration: RunConfiguration, scratchFolder: String, backend: KVMBackend) throws {
    self.configuration = configuration
    self.backend = backend
    threads = try RunPlacement(configuration, scratchFolder: scratchFolder)
  }

  /// What was planned, for the output.
  var placement: PlacementRecord { threads.record }

  func publishing(at path: String) -> CellRunner {
    var runner = self
    runner.livePath = path
    return runner
  }

  private func live(_ cell: RunCell) -> MeasurementWindow.Live? {
    livePath.map { path in
      let vmm = cell.vmm.isPeer ? " (\(cell.vmm.rawValue))" : ""
      return MeasurementWindow.Live(
        path: path,
        title:
          "\(cell.mode.rawValue)\(vmm), \(configuration.rw.rawValue) \(configuration.blockSize), iodepth \(configuration.iodepth)"
      )
    }
  }

  /// Whether the run writes to its disk.
  private var writes: Bool { configuration.rw.writes || configuration.verifies }

  /// Checks that this host can do the run: KVM, memory, and the user's disk.
  func checkHost() throws {
    try HostRequirements.checkKVM()
    _ = try ExitCauseCounter(configuration.exitCounting ?? .stats)
    for mode in configuration.modes { try HostRequirements.checkEngine(mode.engine(configuration.engine)) }
    for mode in configuration.modes { _ = try mode.backEnd?.program() }
    for vmm in configuration.vmms where vmm.isPeer {
      _ = try PeerRequirements.program(vmm, path: configuration.vmmPath)
    }
    guard let layout = GuestLayout(configuration) else {
      throw BenchFailure(
        "--iodepth, --bs and --workers together need more memory than a micro guest can have (3 GiB)",
        exitCode: .usage)
    }
    if configuration.vmms.contains(.qemu), layout.memoryByteCount >= QEMUCommand.lowMemoryLimit {
      throw BenchFailure(
        "--iodepth, --bs and --workers together need more memory than a micro guest can have in QEMU (2.75 GiB)",
        exitCode: .usage)
    }
    try HostRequirements.checkMemory(
      guestCount: configuration.guestCount, byteCount: layout.memoryByteCount)
    if let path = configuration.diskPath { _ = try openDisk(path) }
  }

  private func openDisk(_ path: String) throws -> DiskImage {
    do {
      // Other virtual machine monitors are started for raw disks.
      let hasPeer =
        configuration.vmms.contains { $0.isPeer } || configuration.modes.contains { $0.backEnd != nil }
      let disk = try DiskImage(
        path: path, readOnly: !writes, direct: configuration.opensDirectly,
        formats: hasPeer ? .raw : .qcow(QcowOptions()), inMemory: configuration.engine == .memory)
      let block = UInt64(disk.handle.blockByteCount)
      guard configuration.blockSize.byteCount.isMultiple(of: block) else {
        throw BenchFailure(
          "the disk \(path) takes multiples of \(block) bytes with O_DIRECT: use a larger --bs, or --no-direct",
          exitCode: .usage)
      }
      return disk
    } catch let error as DiskError {
      throw BenchFailure("\(error)", exitCode: .noInput)
    }
  }

  /// Boots the cell's guests on `diskPaths` (one a guest), measures one window, and ends them.
  ///
  /// - Throws: ``RunInterruption`` when `watch` says so; whatever went wrong, every thread is joined.
  func run(_ cell: RunCell, diskPaths: [String], watch: InterruptionWatch) throws -> [CellMeasurement] {
    let backEnd = cell.mode.backEnd
    guard cell.vmm.isPeer || backEnd != nil else {
      return try run(cell, disks: try prepareDisks(diskPaths), watch: watch)
    }
    // Closed again at once: two processes with locks on it would be in each other's way.
    let byteCounts = try prepareDisks(diskPaths).map(\.handle.byteCount)
    if let backEnd {
      return try run(cell, backEnd, diskPaths: diskPaths, diskByteCounts: byteCounts, watch: watch)
    }
    return try runPeers(cell, diskPaths: diskPaths, diskByteCounts: byteCounts, watch: watch)
  }

  /// Opens the disks of the guests, each file once, and puts the page cache into the state that was asked for.
  private func prepareDisks(_ paths: [String]) throws -> [DiskImage] {
    var opened: [String: DiskImage] = [:]
    for path in Set(paths) { opened[path] = try openDisk(path) }
    if configuration.dropsCaches {
      try PageCache.drop()
    } else if !configuration.usesDirectIO && configuration.engine.usesStorage {
      for path in opened.keys { try PageCache.warm(path, byteCount: configuration.regionSize.byteCount) }
    }
    return paths.compactMap { opened[$0] }
  }

  /// The same on disks that are open already, one a guest; guests may share one.
  func run(_ cell: RunCell, disks: [DiskImage], watch: InterruptionWatch) throws -> [CellMeasurement] {
    try threads.withIOThreads(mode: cell.mode, configuration: configuration) { ioThreads in
      let group = try IOThreadGroup(ioThreads, rebalances: configuration.rebalances ?? false)
      defer { group.stopRebalancing() }
      let system = try KVMSystem()
      var guests: [BenchGuest] = []
      defer { for guest in guests { guest.shutDown() } }
      for (index, disk) in disks.enumerated() {
        guests.append(
          try BenchGuest(
            index: index, configuration: configuration, mode: cell.mode, seed: cell.seed,
            placement: threads.plan, disk: .opened(disk, ioThreads: group), system: system))
      }
      let window = MeasurementWindow(
        configuration: configuration, guests: guests, ioThreads: ioThreads, watch: watch, live: live(cell))
      return try window.measure(diskByteCounts: disks.map(\.handle.byteCount))
    }
  }

  /// The same with a process that serves all disks, on the CPUs of the I/O threads.
  private func run(
    _ cell: RunCell, _ backEnd: BackEnd, diskPaths: [String], diskByteCounts: [UInt64],
    watch: InterruptionWatch
  ) throws -> [CellMeasurement] {
    let process = try BackEndProcess(
      backEnd, guestCount: diskPaths.count, engine: cell.mode.engine(configuration.engine),
      cpus: CPUSet(threads.plan.ioThreadCPUs)
    ) { guest, socket in
      BackEndDisk(
        path: diskPaths[guest], byteCount: diskByteCounts[guest],
        isBlockDevice: PeerStart.isBlockDevice(diskPaths[guest]), isReadOnly: !writes,
        isDirect: configuration.opensDirectly, queueCount: configuration.workerCount, socket: socket)
    }
    defer { process.end() }
    let folder = try PeerFolder()
    return try threads.withoutIOThreads {
      let system = try KVMSystem()
      var guests: [BenchGuest] = []
      defer { for guest in guests { guest.shutDown() } }
      for (index, socket) in process.sockets.enumerated() {
        if configuration.usesGuestProcesses(cell.mode) {
          let plan = GuestProcessPlan(
            index: index, configuration: configuration, mode: cell.mode, seed: cell.seed,
            vcpuCPUs: index < threads.plan.vcpuCPUs.count ? threads.plan.vcpuCPUs[index] : [],
            memoryNode: threads.plan.memoryNode, socket: socket, disk: "disk\(index)")
          let program = try GuestProcessProgram(
            plan, folder: folder, backEnd: index == 0 ? process : nil)
          guests.append(
            try BenchGuest(
              index: index, configuration: configuration, program: program,
              affinity: threads.vcpuAffinity(guest: index), memoryNode: threads.plan.memoryNode))
          continue
        }
        guests.append(
          try BenchGuest(
            index: index, configuration: configuration, mode: cell.mode, seed: cell.seed,
            placement: threads.plan, disk: backEnd.disk(of: index, at: socket),
            backEnd: index == 0 ? process : nil,
            system: system))
      }
      return try MeasurementWindow(
        configuration: configuration, guests: guests, ioThreads: [], watch: watch, live: live(cell)
      ).measure(diskByteCounts: diskByteCounts)
    }
  }

  /// The same in another VMM, a process for each guest.
  private func runPeers(
    _ cell: RunCell, diskPaths: [String], diskByteCounts: [UInt64], watch: InterruptionWatch
  ) throws -> [CellMeasurement] {
    let folder = try PeerFolder()
    let tscKilohertz = try TimestampCounter.guestKilohertz()
    let start = PeerStart(
      vmm: cell.vmm, configuration: configuration, placement: threads, backend: backend)
    return try threads.withIOThreads(
      vmm: cell.vmm, mode: cell.mode, configuration: configuration
    ) { ioThreads in
      var guests: [BenchGuest] = []
      defer { for guest in guests { guest.shutDown() } }
      for (index, path) in diskPaths.enumerated() {
        guests.append(
          try BenchGuest(
            index: index, configuration: configuration, cell: cell, tscKilohertz: tscKilohertz
          ) { ramPath, memory in
            try start.machine(
              guest: index, boot: .firmware(imagePath: folder.firmware, ramPath: ramPath), memory: memory,
              diskPath: path, isReadOnly: !writes, errorPath: folder.errors(guest: index))
          })
      }
      return try MeasurementWindow(
        configuration: configuration, guests: guests, ioThreads: ioThreads, watch: watch, live: live(cell)
      ).measure(diskByteCounts: diskByteCounts)
    }
  }
}

/// The guests' TSC.
enum TimestampCounter {
  /// Ticks per millisecond in a guest of this host, whichever VMM makes it: asked of a machine that never runs.
  static func guestKilohertz() throws -> UInt64 {
    let machine = try Machine(
      MachineConfiguration(name: "probe", memoryByteCount: 2 << 20, vcpuCount: 1), system: KVMSystem())
    return try machine.vcpus[0].vcpu.tscKilohertz
  }
}
