import HostSystem
import SystemPackage
import Synchronization

/// A virtual machine: RAM, vCPUs, buses and the PCI host. Devices are plugged in before it starts.
///
/// There is no global state, so that any number of machines can live in one process. The owner's thread calls ``start()``
/// and ``stop()``, and waits for ``endDescriptor`` in its loop.
public final class Machine: Sendable {
  /// The name from the configuration.
  public let name: String
  /// RAM.
  public let memory: GuestMemory
  /// KVM's part of the machine, which routes interrupts and notifications for devices.
  public let vm: KVMVirtualMachine
  /// The devices on ports.
  public let portBus = AddressBus()
  /// The devices on memory addresses.
  public let memoryBus = AddressBus()
  /// The PCI host.
  public let pci: PCIHost
  /// The vCPUs, by index.
  public let vcpus: [VCPURunner]
  /// The latch that records the machine's end; devices that can end the machine hold a reference to it.
  public let endLatch: MachineEndLatch
  /// Whether the vCPUs' threads have to wait for CPUs.
  public let contention = CPUContention()
  private let affinity: [CPUSet]
  /// The moment of the pause while the machine is paused. Its lock serializes pausing and resuming.
  let pausedMoment = Mutex<PausedMoment?>(nil)

  /// Makes a machine with all vCPUs, none of them running.
  public convenience init(
    _ configuration: MachineConfiguration, system: borrowing KVMSystem
  ) throws(MachineError) {
    try self.init(configuration, memory: configuration.makeMemory(), system: system)
  }

  /// Makes a machine with RAM that the configuration has allocated.
  init(
    _ configuration: MachineConfiguration, memory: GuestMemory, system: borrowing KVMSystem
  ) throws(MachineError) {
    let limit = system.maxVCPUs
    guard (1...limit).contains(configuration.vcpuCount) else {
      throw .badVCPUCount(configuration.vcpuCount, limit: limit)
    }
    name = configuration.name
    affinity = configuration.vcpuAffinity
    self.memory = memory
    let virtualCPUs: [KVMVirtualCPU]
    do throws(Errno) { endLatch = try MachineEndLatch() } catch { throw .descriptor(error) }
    do throws(KVMError) {
      vm = try KVMVirtualMachine(system: system, memory: memory)
      var made: [KVMVirtualCPU] = []
      for index in 0..<configuration.vcpuCount {
        made.append(try vm.makeVCPU(index: index, of: configuration.vcpuCount))
      }
      virtualCPUs = made
    } catch {
      throw .kvm(error)
    }
    do throws(Errno) {
      var runners: [VCPURunner] = []
      for vcpu in virtualCPUs {
        runners.append(
          try VCPURunner(
            vcpu: vcpu, portBus: portBus, memoryBus: memoryBus, memory: memory, debug: configuration.debug,
            end: endLatch))
      }
      vcpus = runners
    } catch {
      throw .descriptor(error)
    }
    pci = PCIHost(
      memoryBus: memoryBus, portBus: portBus, registrar: vm, memorySlots: vm,
      resetControl: ResetControlRegister(end: endLatch)
    ) { [vm] gsi in KVMInterruptLine(vm: vm, gsi: gsi) }
    let inserted = portBus.insert(
      pci, start: UInt64(PCIHost.firstPort.rawValue), byteCount: PCIHost.portCount)
    precondition(inserted, "the port bus was empty")
  }

  /// Starts every vCPU's thread.
  public func start() throws(MachineError) {
    HostThread.installInterruptHandler()
    for (index, runner) in vcpus.enumerated() {
      do {
        try runner.start(
          name: "\(name.prefix(8))-vcpu\(index)", cpus: index < affinity.count ? affinity[index] : nil)
        if let thread = runner.thread { contention.watch(thread) }
      } catch {
        stop()
        throw .thread(error)
      }
    }
  }

  /// vmexits of all vCPUs so far. Any thread but a vCPU's own; the first call interrupts vCPUs that run.
  public func exitCounts() throws(KVMError) -> ExitCounts {
    var sum = ExitCounts()
    for runner in vcpus { sum = sum + (try runner.exitCounts()) }
    return sum
  }

  /// Records how the machine ends; only the first call counts. Any thread, vCPU threads and devices included.
  ///
  /// The owner sees the end in ``endDescriptor`` and calls ``stop()``.
  public func end(_ end: MachineEnd) { endLatch.end(end) }

  /// How the machine ended; nil while it has not. Any thread.
  public var end: MachineEnd? { endLatch.value }

  /// An eventfd that is readable once the machine has ended.
  public var endDescriptor: Int32 { endLatch.eventDescriptor }

  /// Ends every vCPU's thread and waits for it. Shut down devices that an I/O thread serves after this call.
  public func stop() {
    end(.stopped)
    for runner in vcpus { runner.requestStop() }
    for runner in vcpus { runner.join() }
  }
}
