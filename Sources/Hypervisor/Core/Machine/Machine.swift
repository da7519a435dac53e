import HostSystem
import SystemPackage
import Synchronization

/// A virtual machine: RAM, vCPUs, buses and the PCI host. Devices are plugged in before it starts.
///
/// There is no global state: any number of machines live in one process. ``start()`` and ``stop()`` are called by one
/// thread, the owner's, which waits for ``endDescriptor`` in its loop.
public final class Machine: Sendable {
  /// The name from the configuration.
  public let name: String
  /// RAM.
  public let memory: GuestMemory
  /// KVM's side of the machine; routes interrupts and notifications for devices.
  public let vm: KVMVirtualMachine
  /// Devices on ports.
  public let portBus = AddressBus()
  /// Devices on memory addresses.
  public let memoryBus = AddressBus()
  /// The PCI host.
  public let pci: PCIHost
  /// The vCPUs, by index.
  public let vcpus: [VCPURunner]
  /// Where the end is noted; devices that can end the machine hold on to it.
  public let endLatch: MachineEndLatch
  private let affinity: [CPUSet]
  /// Set while the machine is paused; its lock makes pausing and resuming one thread's business at a time.
  let pausedMoment = Mutex<PausedMoment?>(nil)

  /// A machine with all vCPUs made and none running.
  public convenience init(
    _ configuration: MachineConfiguration, system: borrowing KVMSystem
  ) throws(MachineError) {
    try self.init(configuration, memory: configuration.makeMemory(), system: system)
  }

  /// As above, with RAM that the configuration made.
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
      memoryBus: memoryBus, portBus: portBus, registrar: vm,
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
      } catch {
        stop()
        throw .thread(error)
      }
    }
  }

  /// Notes how the machine ends; the first one to do so wins. Any thread, vCPU threads and devices included.
  ///
  /// The owner sees it in ``endDescriptor`` and calls ``stop()``.
  public func end(_ end: MachineEnd) { endLatch.end(end) }

  /// How the machine ended, or nil while it has not. Any thread.
  public var end: MachineEnd? { endLatch.value }

  /// An eventfd that is readable once the machine has ended.
  public var endDescriptor: Int32 { endLatch.eventDescriptor }

  /// Ends every vCPU's thread and waits for it. Devices that an I/O thread serves are shut down after this.
  public func stop() {
    end(.stopped)
    for runner in vcpus { runner.requestStop() }
    for runner in vcpus { runner.join() }
  }
}
