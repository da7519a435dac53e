import HostSystem
import Hypervisor
import MicroGuest
import VextProtocol

/// A VMM of one vCPU: boots the micro guest, which reads the disk that the argument names over the vext queue.
@main
struct ExampleVMM {
  static let memoryByteCount: UInt64 = 8 << 20
  /// Where things lie in guest memory. LongModeBoot's tables end below the stack.
  static let tables = GuestAddress(0x20_0000), stackTop = GuestAddress(0x24_0000)
  static let parameters = GuestAddress(0x25_0000), worker = GuestAddress(0x26_0000), heap: UInt64 = 0x30_0000

  static func main() throws {
    // 1. RAM, a vCPU, buses; a disk with the thread that serves it; the PCI function that the guest finds.
    let machine = try Machine(
      MachineConfiguration(name: "example", memoryByteCount: memoryByteCount, vcpuCount: 1),
      system: KVMSystem())
    let disk = try DiskImage(path: CommandLine.arguments.last ?? "", readOnly: true, direct: false)
    let ioThread = try IOThread(name: "io0", cpus: nil, waiting: .polling, engine: .sync)
    let device = VextDevice(
      name: "example", disk: disk, queueCount: 1, memory: machine.memory, servers: [ioThread])
    try machine.pci.add(device)
    // 2. The guest: 1,000 random reads of 4 KiB, one at a time.
    try load(into: machine, regionByteCount: disk.handle.byteCount / 4096 * 4096)
    // 3. Run it. Both sides change words of shared memory, so that the marks cost no vmexit.
    try machine.start()
    for (state, command) in [(WorkerState.ready, HostCommand.measure), (.measured, .finish)] {
      while try word(WorkerWord.state, machine) < state.rawValue, machine.end == nil {
        HostClock.sleep(nanoseconds: 1_000_000)
      }
      try machine.memory.store(command.rawValue, at: parameter(ParameterWord.command))
    }
    let requests = try word(WorkerWord.requests, machine),
      ticks = try word(WorkerWord.latencySumTicks, machine)
    print("\(requests) requests, \(ticks / max(requests, 1)) TSC ticks each on average")
    machine.stop()
    device.shutDown()
    ioThread.stop()
  }

  static func parameter(_ index: Int) -> GuestAddress {
    GuestAddress(parameters.rawValue + UInt64(index * 8))
  }

  static func word(_ index: Int, _ machine: Machine) throws -> UInt64 {
    try unsafe machine.memory.sharedWords(at: worker, wordCount: WorkloadLayout.workerStride / 8)
      .loadAcquiring(index)
  }

  static func load(into machine: Machine, regionByteCount: UInt64) throws {
    let bytes = MicroGuestImage.bytes()
    guard let image = ImageLayout(image: bytes) else { fatalError("the embedded image is damaged") }
    try machine.memory.write(bytes, at: GuestAddress(ImageHeader.loadAddress))
    for (index, value) in [
      (ParameterWord.magic, WorkloadLayout.magic), (ParameterWord.workerCount, 1),
      (ParameterWord.isRandom, 1),
      (ParameterWord.transport, GuestTransport.vext.rawValue), (ParameterWord.readPercent, 100),
      (ParameterWord.blockByteCount, 4096), (ParameterWord.iodepth, 1), (ParameterWord.requestLimit, 1000),
      (ParameterWord.regionByteCount, regionByteCount), (ParameterWord.workerBase, worker.rawValue),
      (ParameterWord.heapBase, heap), (ParameterWord.heapEnd, memoryByteCount),
    ] { try machine.memory.store(value, at: parameter(index)) }
    let gates = (0..<ImageLayout.exceptionCount).map { vector in
      LongModeBoot.Gate(
        vector: UInt8(vector),
        handler: GuestAddress(image.exceptionStubsAddress + vector * image.exceptionStubStride))
    }
    let boot = try LongModeBoot(
      memory: machine.memory, tablesAt: tables, vcpuCount: 1, gates: gates,
      spuriousVector: WorkloadLayout.spuriousVector)
    try boot.prepare(
      machine.vcpus[0].vcpu, memory: machine.memory,
      entry: LongModeBoot.Entry(
        instruction: GuestAddress(image.entryAddress), stackTop: stackTop, argument0: parameters.rawValue,
        argument1: 0, ring0Tag: worker.rawValue))
  }
}
