import HostSystem
import Hypervisor

/// Where the threads and the memory of a run go.
struct RunPlacement {
  /// The plan.
  let plan: Placement
  /// Whether there are threads to be placed at all.
  private let needsMachine: Bool

  /// Reads the host's topology and the disk's place in it; starts nothing.
  ///
  /// - Parameter scratchFolder: where the disks are made unless the user named one; it may not exist yet.
  init(_ configuration: RunConfiguration, scratchFolder: String) throws {
    let storage = configuration.diskPath ?? StorageDescription.existing(scratchFolder)
    let request = PlacementRequest(
      guests: configuration.guestCount, busyGuests: configuration.busyGuests,
      vcpusPerGuest: configuration.workerCount,
      ioThreads: configuration.ioThreadCount, storageNode: StorageLocation.numaNode(ofFile: storage),
      interruptCPUs: configuration.engine.usesStorage
        ? StorageLocation.interruptCPUs(ofFile: storage) : CPUSet([]),
      ioThreadCPUs: configuration.ioThreadCPUs, vcpuCPUs: configuration.vcpuCPUs,
      numaNode: configuration.numaNode
    )
    needsMachine = configuration.needsMachine
    do {
      plan = try PlacementPlanner.plan(request, on: Self.topology(naming: request))
    } catch let error as PlacementError {
      throw BenchFailure("\(error)", exitCode: .usage)
    }
  }

  /// This host, with the CPUs that the calling thread may use and those that `request` names and that it may move to.
  ///
  /// `isolcpus=` takes CPUs out of a login's mask; a thread may be pinned there all the same.
  static func topology(naming request: PlacementRequest) throws -> NUMATopology {
    let allowed = try HostThread.currentCPUs()
    let named = CPUSet((request.ioThreadCPUs ?? []) + (request.vcpuCPUs ?? [])).subtracting(allowed)
    guard !named.isEmpty else { return try NUMATopology(allowed: allowed) }
    // The kernel alone knows: it refuses CPUs that are offline, or outside of the control group's.
    let reachable = named.sorted.filter { (try? HostThread.pinCurrent(to: CPUSet([$0]))) != nil }
    try HostThread.pinCurrent(to: allowed)
    return try NUMATopology(allowed: allowed.union(CPUSet(reachable)))
  }

  /// What was planned, for the output; nothing where nothing is pinned.
  var record: PlacementRecord {
    guard needsMachine else {
      return PlacementRecord(ioThreadCPUs: [], vcpuCPUs: [], numaNode: nil, oversubscribed: false, notes: [])
    }
    return PlacementRecord(
      ioThreadCPUs: plan.ioThreadCPUs, vcpuCPUs: plan.vcpuCPUs, numaNode: plan.memoryNode,
      oversubscribed: plan.oversubscribed, notes: plan.notes)
  }

  /// The CPU of each vCPU of guest `index`, one set each; empty where they are not pinned.
  func vcpuAffinity(guest index: Int) -> [CPUSet] {
    (index < plan.vcpuCPUs.count ? plan.vcpuCPUs[index] : []).map { CPUSet([$0]) }
  }

  /// Where another VMM's I/O thread for guest `index` runs; empty where it is not pinned.
  func ioThreadCPUs(guest index: Int) -> CPUSet {
    plan.ioThreadCPUs.isEmpty ? CPUSet([]) : CPUSet([plan.ioThreadCPUs[index % plan.ioThreadCPUs.count]])
  }

  /// Runs `body` with the I/O threads of a mode, and ends them; another VMM has its own. The calling thread, which checks the guests now and
  /// then, stays off the I/O threads' CPUs meanwhile.
  func withIOThreads<Result>(
    vmm: VMM = .builtin, mode: DataPathMode, configuration: RunConfiguration,
    _ body: ([IOThread]) throws -> Result
  ) throws -> Result {
    try withoutIOThreads {
      var ioThreads: [IOThread] = []
      defer { for ioThread in ioThreads { ioThread.stop() } }
      for (index, cpu) in plan.ioThreadCPUs.enumerated() where !vmm.isPeer {
        ioThreads.append(
          try IOThread(
            name: "io\(index)", cpus: CPUSet([cpu]), waiting: mode.waiting,
            adaptation: configuration.adaptations(of: mode).ofIOThread,
            engine: mode.engine(configuration.engine)))
      }
      return try body(ioThreads)
    }
  }

  /// Runs `body` without I/O threads of bench's, off the CPUs where another process has its own.
  func withoutIOThreads<Result>(_ body: () throws -> Result) throws -> Result {
    let affinity = try HostThread.currentCPUs()
    try HostThread.pinCurrent(to: plan.housekeepingCPUs)
    // Back to where it was: fails only if those CPUs went offline meanwhile, and then the kernel has moved it.
    defer { try? HostThread.pinCurrent(to: affinity) }
    return try body()
  }
}
