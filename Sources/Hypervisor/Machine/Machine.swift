import HostSystem
import SystemPackage
import Synchronization

/// A virtual machine: RAM, vCPUs, buses and the PCI host. Devices are plugged in before it starts.
///
/// There is no global state: any number of machines live in one process. Control calls (``start()``, ``stop()``)
/// come from one thread.
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
  private let affinity: [CPUSet]

  /// A machine with all vCPUs made and none running.
  public init(_ configuration: MachineConfiguration, system: borrowing KVMSystem) throws(MachineError) {
    let limit = system.maxVCPUs
    guard (1...limit).contains(configuration.vcpuCount) else {
      throw .badVCPUCount(configuration.vcpuCount, limit: limit)
    }
    name = configuration.name
    affinity = configuration.vcpuAffinity
    do throws(Errno) {
      memory = try GuestMemory(byteCount: configuration.memoryByteCount, node: configuration.memoryNode)
      if configuration.prefaultsMemory { try memory.prefault() }
    } catch {
      throw .memory(byteCount: configuration.memoryByteCount, error)
    }
    do throws(KVMError) {
      vm = try KVMVirtualMachine(system: system, memory: memory)
      var runners: [VCPURunner] = []
      for index in 0..<configuration.vcpuCount {
        runners.append(
          VCPURunner(vcpu: try vm.makeVCPU(index: index), portBus: portBus, memoryBus: memoryBus))
      }
      vcpus = runners
    } catch {
      throw .kvm(error)
    }
    pci = PCIHost(memoryBus: memoryBus, registrar: vm)
    let inserted = portBus.insert(pci, start: UInt64(PCIHost.firstPort.rawValue), byteCount: 8)
    precondition(inserted, "the port bus was empty")
  }

  /// Starts every vCPU's thread.
  public func start() throws(MachineError) {
    HostThread.installInterruptHandler()
    for (index, runner) in vcpus.enumerated() {
      do {
        try runner.start(name: "\(name)-vcpu\(index)", cpus: index < affinity.count ? affinity[index] : nil)
      } catch {
        stop()
        throw .thread(error)
      }
    }
  }

  /// Ends every vCPU's thread and waits for it. Devices that an I/O thread serves are shut down after this.
  public func stop() {
    for runner in vcpus { runner.requestStop() }
    for runner in vcpus { runner.join() }
  }
}
