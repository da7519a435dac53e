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
  /// The machine that it runs in.
  let machine: Machine
  /// Its workers, by index.
  let workers: [WorkerView]
  /// Ticks of its TSC per millisecond.
  let tscKilohertz: UInt64
  private let layout: GuestLayout
  private let device: GuestDevice
  private let statistics: [KVMStatistics]

  /// Boots nothing yet: memory is laid out and every vCPU ready to run.
  init(
    index: Int, configuration runConfiguration: RunConfiguration, mode: DataPathMode, seed: UInt64,
    placement: Placement,
    disk: DiskImage, pollers: [IOThread], system: borrowing KVMSystem, misbehaviour: Misbehaviour = .none
  ) throws {
    let configuration = runConfiguration.configuration(ofGuest: index)
    guard let layout = GuestLayout(configuration) else {
      throw BenchFailure(
        "--iodepth \(configuration.iodepth) x --bs \(configuration.blockSize) x --workers \(configuration.workerCount) "
          + "needs more memory than a micro guest can have (3 GiB)", exitCode: .usage)
    }
    let cpus = index < placement.vcpuCPUs.count ? placement.vcpuCPUs[index] : []
    let machine = try Machine(
      MachineConfiguration(
        name: "guest\(index)", memoryByteCount: layout.memoryByteCount, vcpuCount: configuration.workerCount,
        vcpuAffinity: cpus.map { CPUSet([$0]) }, memoryNode: placement.memoryNode, prefaultsMemory: true),
      system: system)
    self.index = index
    self.layout = layout
    self.machine = machine
    tscKilohertz = try machine.vcpus[0].vcpu.tscKilohertz
    workers = (0..<configuration.workerCount).map {
      WorkerView(memory: machine.memory, layout: layout, index: $0)
    }
    statistics = try machine.vcpus.map { try $0.vcpu.makeStatistics() }
    let parameters = GuestParameters(
      configuration: configuration, mode: mode, seed: seed &+ UInt64(index),
      tscKilohertz: tscKilohertz, misbehaviour: misbehaviour)
    try parameters.write(to: machine.memory, layout: layout)
    try Self.prepareBoot(machine, layout)
    // The memory is resident anyway (prefaultsMemory), and nothing gives parts of it back.
    for poller in pollers { poller.register(disk: disk, memory: machine.memory) }
    device = try GuestDevice(
      mode: mode, queueCount: configuration.workerCount, disk: disk, machine: machine, pollers: pollers)
  }

  private static func prepareBoot(_ machine: Machine, _ layout: GuestLayout) throws {
    let bytes = MicroGuestImage.bytes()
    guard let image = ImageLayout(image: bytes) else {
      throw BenchFailure("the embedded guest image is not one; rebuild the package")
    }
    try machine.memory.write(bytes, at: GuestAddress(ImageHeader.loadAddress))
    var gates = (0..<ImageLayout.exceptionCount).map { vector in
      LongModeBoot.Gate(
        vector: UInt8(vector),
        handler: GuestAddress(image.exceptionStubsAddress + vector * image.exceptionStubStride))
    }
    gates.append(
      .init(vector: WorkloadLayout.interruptVector, handler: GuestAddress(image.interruptStubAddress)))
    gates.append(
      .init(vector: WorkloadLayout.spuriousVector, handler: GuestAddress(image.spuriousStubAddress)))
    let boot = try LongModeBoot(
      memory: machine.memory, tablesAt: layout.tablesAddress, vcpuCount: machine.vcpus.count, gates: gates,
      spuriousVector: WorkloadLayout.spuriousVector)
    guard boot.tablesEnd <= layout.stacksAddress else {
      throw BenchFailure("the guest's tables do not fit below its stacks")
    }
    for (index, runner) in machine.vcpus.enumerated() {
      let workerBlock = layout.workerAddress.rawValue + UInt64(index * WorkloadLayout.workerStride)
      try boot.prepare(
        runner.vcpu, memory: machine.memory,
        entry: .init(
          instruction: GuestAddress(image.entryAddress), stackTop: layout.stackTop(index),
          argument0: layout.parameterAddress.rawValue, argument1: UInt64(index), ring0Tag: workerBlock))
    }
  }

  /// Tells all workers, by one store that they see without an exit.
  func command(_ command: HostCommand) throws {
    let words = try unsafe machine.memory.sharedWords(
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
    if !reached { try checkVCPUs() }
    return reached
  }

  private func checkVCPUs() throws {
    for runner in machine.vcpus {
      switch runner.outcome {
      case nil, .stopped: continue
      case .reset: throw BenchFailure("guest \(index): vCPU \(runner.vcpu.index) was reset (triple fault)")
      case .crashed(let text): throw BenchFailure("guest \(index): \(text)")
      }
    }
  }

  /// vmexits of all vCPUs since they were made.
  func exitCounts() throws -> ExitCounts {
    var sum = ExitCounts()
    for (statistics, runner) in zip(statistics, machine.vcpus) {
      var counts = try statistics.exitCounts()
      counts.user = runner.userExitCount
      sum = sum + counts
    }
    return sum
  }

  /// CPU time of the vCPU threads since they were started.
  func cpuNanoseconds() throws -> UInt64 {
    try machine.vcpus.reduce(0) { $0 + (try $1.thread?.cpuTimeNanoseconds() ?? 0) }
  }

  /// Ends the guest whatever it does, and gives its queues back.
  func shutDown() {
    machine.stop()
    device.shutDown()
  }
}
