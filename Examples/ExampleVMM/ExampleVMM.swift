import HostSystem
import Hypervisor
import MicroGuest
import VextProtocol

/// A VMM of one vCPU: boots the micro guest, which reads the disk that the argument names over the vext queue.
@main
struct ExampleVMM {
  /// Guest-physical addresses. LongModeBoot's tables end below the stack.
  static let tables = GuestAddress(0x20_0000), stackTop = GuestAddress(0x24_0000)
  static let parameters: UInt64 = 0x25_0000, worker: UInt64 = 0x26_0000, heap: UInt64 = 0x30_0000
  static let memoryEnd: UInt64 = 8 << 20

  static func main() throws {
    // 1. RAM, a vCPU, buses; the disk with the thread that serves it; the PCI function that the guest finds.
    let machine = try Machine(
      MachineConfiguration(name: "example", memoryByteCount: memoryEnd, vcpuCount: 1), system: KVMSystem())
    let memory = machine.memory
    let disk = try DiskImage(path: CommandLine.arguments.last ?? "", readOnly: true, direct: false)
    let ioThread = try IOThread(name: "io0", cpus: nil, waiting: .polling, engine: .sync)
    let device = VextDevice(name: "example", disk: disk, queueCount: 1, memory: memory, servers: [ioThread])
    try machine.pci.add(device)
    // 2. The guest's image, and its work: 1,000 random reads of 4 KiB, one at a time.
    let bytes = MicroGuestImage.bytes()
    guard let image = ImageLayout(image: bytes) else { fatalError("the embedded image is damaged") }
    try memory.write(bytes, at: GuestAddress(ImageHeader.loadAddress))
    for (index, value) in [
      (ParameterWord.magic, WorkloadLayout.magic), (ParameterWord.workerCount, 1),
      (ParameterWord.transport, GuestTransport.vext.rawValue), (ParameterWord.iodepth, 1),
      (ParameterWord.isRandom, 1), (ParameterWord.readPercent, 100), (ParameterWord.blockByteCount, 4096),
      (ParameterWord.regionByteCount, disk.handle.byteCount / 4096 * 4096), (ParameterWord.heapBase, heap),
      (ParameterWord.heapEnd, memoryEnd), (ParameterWord.workerBase, worker),
      (ParameterWord.requestLimit, 1000),
      (ParameterWord.tscKilohertz, try machine.vcpus[0].vcpu.tscKilohertz),
    ] { try memory.store(value, at: parameter(index)) }
    // 3. The vCPU starts in 64-bit mode. Without interrupt gates, a fault of the guest ends the machine.
    let boot = try LongModeBoot(
      memory: memory, tablesAt: tables, vcpuCount: 1, gates: [], spuriousVector: WorkloadLayout.spuriousVector
    )
    let entry = LongModeBoot.Entry(
      instruction: GuestAddress(image.entryAddress), stackTop: stackTop, argument0: parameters, argument1: 0,
      ring0Tag: worker)
    try boot.prepare(machine.vcpus[0].vcpu, memory: memory, entry: entry)
    try machine.start()
    // 4. Host and guest signal each other through words of shared memory, without a vmexit.
    let words = try unsafe memory.sharedWords(
      at: GuestAddress(worker), wordCount: WorkloadLayout.workerStride / 8)
    for (state, command) in [(WorkerState.ready, HostCommand.measure), (.measured, .finish)] {
      while unsafe words.loadAcquiring(WorkerWord.state) < state.rawValue, machine.end == nil {
        HostClock.sleep(nanoseconds: 1_000_000)
      }
      try memory.store(command.rawValue, at: parameter(ParameterWord.command))
    }
    let (requests, ticks) = unsafe (words.load(WorkerWord.requests), words.load(WorkerWord.latencySumTicks))
    print("\(requests) requests, \(ticks / max(requests, 1)) TSC ticks each on average")
    machine.stop()
    device.shutDown()
    ioThread.stop()
  }

  static func parameter(_ index: Int) -> GuestAddress { GuestAddress(parameters + UInt64(index * 8)) }
}
