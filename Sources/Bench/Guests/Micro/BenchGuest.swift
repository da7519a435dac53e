import Glibc
import HostSystem
import Hypervisor
import MicroGuest
import SystemPackage
import VextProtocol

/// A micro guest with its machine and its device.
///
/// The controlling thread makes it, looks after it and ends it.
final class BenchGuest {
  /// Its number among the guests of a run.
  let index: Int
  /// What it runs in.
  let machine: any GuestMachine
  /// Its RAM.
  let memory: GuestMemory
  /// Its workers, by index.
  let workers: [WorkerView]
  /// Ticks of its TSC per millisecond.
  let tscKilohertz: UInt64
  private let layout: GuestLayout

  /// A guest in a machine of ours. Boots nothing yet: memory is laid out and every vCPU ready to run.
  init(
    index: Int, configuration runConfiguration: RunConfiguration, mode: DataPathMode, seed: UInt64,
    placement: Placement, disk: MicroDisk, backEnd: BackEndProcess? = nil, system: borrowing KVMSystem,
    misbehaviour: Misbehaviour = .none
  ) throws {
    let configuration = runConfiguration.configuration(ofGuest: index)
    let layout = try Self.layout(configuration)
    let cpus = index < placement.vcpuCPUs.count ? placement.vcpuCPUs[index] : []
    var machineConfiguration = MachineConfiguration(
      name: "guest\(index)", memoryByteCount: layout.memoryByteCount, vcpuCount: configuration.workerCount,
      vcpuAffinity: cpus.map { CPUSet([$0]) }, memoryNode: placement.memoryNode, prefaultsMemory: true)
    if !disk.isOpened { machineConfiguration.sharesMemory = true }
    let machine = try Machine(machineConfiguration, system: system)
    self.index = index
    self.layout = layout
    memory = machine.memory
    tscKilohertz = try machine.vcpus[0].vcpu.tscKilohertz
    workers = Self.workers(configuration, memory, layout)
    let parameters = GuestParameters(
      configuration: configuration, mode: mode, seed: seed &+ UInt64(index),
      tscKilohertz: tscKilohertz, misbehaviour: misbehaviour)
    try parameters.write(to: memory, layout: layout)
    let boot = try MicroGuestBoot(memory: memory, layout: layout, vcpuCount: configuration.workerCount)
    for (index, runner) in machine.vcpus.enumerated() {
      try boot.tables.prepare(runner.vcpu, memory: memory, entry: boot.entry(worker: index))
    }
    // The memory is resident anyway (prefaultsMemory), and nothing gives parts of it back.
    if case .opened(let image, let ioThreads) = disk {
      for ioThread in ioThreads.threads { ioThread.register(disk: image, memory: memory) }
    }
    self.machine = try BuiltinMicroMachine(
      machine: machine,
      device: GuestDevice(
        mode: mode, queueCount: configuration.workerCount, disk: disk, machine: machine),
      backEnd: backEnd)
  }

  /// A guest in another VMM, which `start` starts on the file that is its RAM. Every vCPU waits to be let run.
  ///
  /// - Parameter tscKilohertz: Ticks of a guest's TSC per millisecond on this host.
  init(
    index: Int, configuration runConfiguration: RunConfiguration, cell: RunCell, tscKilohertz: UInt64,
    start: (_ ramPath: String, _ memory: ByteSize) throws -> any GuestMachine
  ) throws {
    let configuration = runConfiguration.configuration(ofGuest: index)
    let layout = try Self.layout(configuration)
    self.index = index
    self.layout = layout
    self.tscKilohertz = tscKilohertz
    // Sealed, because QEMU passes it on to vhost-user back ends, which need that.
    let file = try SharedMemoryFile(name: "guest\(index)", byteCount: layout.memoryByteCount)
    memory = try GuestMemory(sharedFile: file.descriptor, byteCount: layout.memoryByteCount)
    workers = Self.workers(configuration, memory, layout)
    let parameters = GuestParameters(
      configuration: configuration, mode: cell.mode, seed: cell.seed &+ UInt64(index),
      tscKilohertz: tscKilohertz, misbehaviour: .none)
    try parameters.write(to: memory, layout: layout)
    let boot = try MicroGuestBoot(memory: memory, layout: layout, vcpuCount: configuration.workerCount)
    let handover = FirmwareHandover(boot: boot.tables, memory: memory)
    try handover.write(vcpuCount: configuration.workerCount)
    for worker in 0..<configuration.workerCount {
      try handover.write(vcpu: worker, entry: boot.entry(worker: worker))
    }
    machine = try start(
      "/proc/\(getpid())/fd/\(file.descriptor)", ByteSize(byteCount: layout.memoryByteCount))
  }

  /// A guest that a process of its own has laid out. Every vCPU waits to be let run.
  ///
  /// - Parameters:
  ///   - affinity: where each vCPU runs; empty: anywhere.
  ///   - memoryNode: the node of its RAM.
  init(
    index: Int, configuration runConfiguration: RunConfiguration, program: GuestProcessProgram,
    affinity: [CPUSet], memoryNode: Int
  ) throws {
    let configuration = runConfiguration.configuration(ofGuest: index)
    let layout = try Self.layout(configuration)
    self.index = index
    self.layout = layout
    tscKilohertz = program.tscKilohertz
    memory = try program.mapMemory(byteCount: layout.memoryByteCount)
    workers = Self.workers(configuration, memory, layout)
    machine = PeerMachine(
      index: index, program: program, vcpuCount: configuration.workerCount, affinity: affinity,
      ioThreadCPUs: CPUSet([]), memoryNode: memoryNode)
  }

  private static func layout(_ configuration: RunConfiguration) throws -> GuestLayout {
    guard let layout = GuestLayout(configuration) else {
      throw BenchFailure(
        "--iodepth \(configuration.iodepth) x --bs \(configuration.blockSize) x --workers \(configuration.workerCount) "
          + "needs more memory than a micro guest can have (3 GiB)", exitCode: .usage)
    }
    return layout
  }

  private static func workers(
    _ configuration: RunConfiguration, _ memory: GuestMemory, _ layout: GuestLayout
  ) -> [WorkerView] {
    (0..<configuration.workerCount).map { WorkerView(memory: memory, layout: layout, index: $0) }
  }

  /// Tells all workers, by one store that they see without an exit.
  func command(_ command: HostCommand) throws {
    let words = try unsafe memory.sharedWords(
      at: layout.parameterAddress, wordCount: WorkloadLayout.parameterByteCount / 8)
    unsafe words.storeReleasing(ParameterWord.command, command.rawValue)
  }

  /// Whether every worker is in `state` or past it.
  ///
  /// - Throws: ``BenchFailure`` with the registers where a worker failed or a vCPU ended.
  func hasReached(_ state: WorkerState) throws -> Bool {
    var reached = true
    for worker in workers {
      guard let current = try worker.state() else {
        throw BenchFailure("guest \(index): a worker's state is garbage")
      }
      if current == .failed { throw BenchFailure("guest \(index): \(try worker.describeFailure())") }
      if current.rawValue < state.rawValue { reached = false }
    }
    if !reached, machine.hasEnded {
      throw BenchFailure("guest \(index): \(machine.badEnd() ?? "its machine ended")")
    }
    return reached
  }

  /// Ends the guest whatever it does, and gives its queues back.
  func shutDown() { _ = machine.shutDown() }
}
