import HostSystem
import Hypervisor

@testable import Bench

/// A host on which nothing spoils results: a server with an NVMe disk. Tests change one thing.
enum DoctorFixture {
  static let host: HostDescription = {
    var host = RunFixture.host
    host.mitigations = ["mds": "Not affected", "retbleed": "Vulnerable"]
    host.transparentHugePages = "madvise"
    host.loadAverage = [0.1, 0.1, 0.1]
    host.processor = ProcessorDescription(
      isVirtual: false, frequencyDriver: "intel_pstate", governors: ["performance"], isTurboEnabled: false,
      idleStates: [
        .init(name: "C1", exitLatencyMicroseconds: 1, isDisabled: false), deepState(isDisabled: true),
      ])
    host.kernelSettings = KernelSettings(
      isolatedCPUs: "1-2", numaBalancing: 0, pageMerging: 0, swapBytes: 1 << 30, usedSwapBytes: 0,
      aioLimit: 1 << 20, aioReserved: 0, ioUringDisabled: 0, clockSources: ["tsc", "hpet"])
    host.storage = storage
    return host
  }()

  static let storage = StorageDescription(
    path: "/data/a.img",
    fileSystem: MountDescription(
      type: "ext4", source: "/dev/nvme0n1p1", mountPoint: "/data", options: "rw", superOptions: "rw",
      byteCount: 100 << 30, availableByteCount: 50 << 30),
    device: BlockDeviceDescription(
      name: "nvme0n1", partition: "nvme0n1p1", scheduler: "none", queue: ["rotational": "0"]),
    node: 0, acceptsDirectIO: true)

  static func deepState(isDisabled: Bool) -> ProcessorDescription.IdleState {
    .init(name: "C6", exitLatencyMicroseconds: 133, isDisabled: isDisabled)
  }

  /// On the recorded topology `name`, whose CPUs `allowed` may be used.
  static func environment(_ name: String = "one-node-smt", allowed: String? = nil) throws -> DoctorEnvironment
  {
    var configuration = RunFixture.configuration
    configuration.workerCount = 1
    configuration.vcpuCPUs = nil
    var environment = DoctorEnvironment(
      host: host, kvmDevice: .usable,
      rights: ProcessRights(
        lockedMemoryLimit: nil, mayLockMemory: false, isAdministrator: false, isFiltered: false),
      activity: HostActivity(
        machines: [], balancesInterrupts: false, recentTicks: CPUTicks(busy: 1, idle: 99, steal: 0)),
      topology: try RecordedTopology(name).topology(allowed: allowed), configuration: configuration,
      placement: nil)
    try environment.replan()
    return environment
  }
}

extension DoctorEnvironment {
  /// Places the threads again, after what they depend on has changed.
  mutating func replan() throws {
    guard let topology else { return }
    placement = try PlacementPlanner.plan(
      PlacementRequest(
        guests: configuration.guestCount, vcpusPerGuest: configuration.workerCount,
        ioThreads: configuration.ioThreadCount, storageNode: host.storage?.node,
        ioThreadCPUs: configuration.ioThreadCPUs, vcpuCPUs: configuration.vcpuCPUs,
        numaNode: configuration.numaNode), on: topology)
  }

  /// A host with two nodes, whose disk is on node 0.
  mutating func takeTwoNodes() {
    host.numaNodes = [
      HostDescription.Node(id: 0, cpus: "0-3", memoryBytes: 1 << 30),
      HostDescription.Node(id: 1, cpus: "4-7", memoryBytes: 1 << 30),
    ]
  }

  /// What is said about one thing.
  func finding(_ check: DoctorCheck) -> Finding? { Doctor(environment: self).finding(check) }
}
