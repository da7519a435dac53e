import HostSystem
import SystemPackage

extension PendingMachine {
  /// The memory to load the guest into; where it cannot be had, says so.
  func guestMemory() throws(GuestError) -> GuestMemory {
    try GuestError.attributing(to: configuration) { () throws(MachineError) in try memory() }
  }

  /// Waits for the machine; where memory is what cannot be had, says so.
  func finishedMachine() throws(GuestError) -> Machine {
    try GuestError.attributing(to: configuration) { () throws(MachineError) in try finish() }
  }
}

extension Machine {
  /// Starts the vCPUs; where the CPUs that they are pinned to are what is wrong, says so.
  func startVCPUs(_ configuration: MachineConfiguration) throws(GuestError) {
    try GuestError.attributing(to: configuration) { () throws(MachineError) in try start() }
  }
}

extension GuestConfiguration {
  /// Loads the kernel into `memory`; where the initial RAM disk is what does not fit or cannot be read, says so.
  func loadKernel(into memory: GuestMemory) throws(GuestError) -> LinuxBoot {
    do throws(BootError) {
      return try LinuxBoot(
        kernel, initrd: initrd, commandLine: commandLine, memory: memory, vcpuCount: machine.vcpuCount)
    } catch {
      throw GuestError(error.part, error.description)
    }
  }
}

extension GuestError {
  /// Says which part of `configuration` is to blame for what `body` throws.
  fileprivate static func attributing<Value>(
    to configuration: MachineConfiguration, _ body: () throws(MachineError) -> Value
  ) throws(GuestError) -> Value {
    do { return try body() } catch {
      throw GuestError(error.part(of: configuration), error.description)
    }
  }
}

extension MachineError {
  /// The part of a guest's configuration that is to blame.
  fileprivate func part(of configuration: MachineConfiguration) -> GuestError.Part {
    switch self {
    // mbind(2): the node does not exist or has no memory.
    case .memory(_, .invalidArgument) where configuration.memoryNode != nil: .memoryNode
    case .memory: .memory
    case .badVCPUCount: .vcpuCount
    // sched_setaffinity(2): none of the CPUs is there.
    case .thread(.invalidArgument) where !configuration.vcpuAffinity.isEmpty: .affinity
    case .kvm(.cannotOpen), .kvm(.notKVM), .kvm(.unsupportedVersion), .kvm(.missingCapability): .kvm
    case .thread, .kvm(.failed), .descriptor: .machine
    }
  }
}

extension BootError {
  /// The part of a guest's configuration that is to blame.
  fileprivate var part: GuestError.Part {
    switch self {
    case .cannotOpen(let file, _), .notARegularFile(let file), .empty(let file), .truncated(let file, _, _),
      .readFailed(let file, _), .notAKernel(let file), .otherArchitecture(let file, _), .noLongMode(let file),
      .protocolTooOld(let file, _), .unsupportedImage(let file, _), .badHeader(let file, _):
      switch file {
      case .kernel: .kernel
      case .initrd: .initrd
      }
    case .initrdTooBig, .cannotMakeInitrd: .initrd
    case .kernelTooBig, .memoryTooSmall: .memory
    case .commandLineTooLong: .parameters
    case .badVCPUCount: .vcpuCount
    case .kvm: .machine
    }
  }
}
