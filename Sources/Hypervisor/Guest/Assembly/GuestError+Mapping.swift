import HostSystem
import SystemPackage

extension PendingMachine {
  /// Returns the memory to load the guest into; attributes a lack of memory to that part.
  func guestMemory() throws(GuestError) -> GuestMemory {
    try GuestError.attributing(to: configuration) { () throws(MachineError) in try memory() }
  }

  /// Waits for the machine; attributes a lack of memory to that part.
  func finishedMachine() throws(GuestError) -> Machine {
    try GuestError.attributing(to: configuration) { () throws(MachineError) in try finish() }
  }
}

extension Machine {
  /// Starts the vCPUs; attributes a failed pinning to that part.
  func startVCPUs(_ configuration: MachineConfiguration) throws(GuestError) {
    try GuestError.attributing(to: configuration) { () throws(MachineError) in try start() }
  }
}

extension GuestError {
  /// Names the part of the configuration that cannot be booted.
  init(_ error: BootError) { self.init(error.part, error.description) }

  /// Runs `body`, and attributes its errors to the part of `configuration` at fault.
  fileprivate static func attributing<Value>(
    to configuration: MachineConfiguration, _ body: () throws(MachineError) -> Value
  ) throws(GuestError) -> Value {
    do { return try body() } catch {
      let part = error.part(of: configuration)
      guard part == .memoryNode, let node = configuration.memoryNode else {
        throw GuestError(part, error.description)
      }
      throw GuestError(part, "the host has no NUMA node \(node) with memory")
    }
  }
}

extension MachineError {
  /// The part of the guest's configuration at fault.
  fileprivate func part(of configuration: MachineConfiguration) -> GuestError.Part {
    switch self {
    // mbind(2): the node does not exist or has no memory.
    case .memory(_, .invalidArgument) where configuration.memoryNode != nil: .memoryNode
    case .memory: .memory
    case .hugePages: .hugePages
    case .merging: .merging
    case .badVCPUCount: .vcpuCount
    // sched_setaffinity(2): none of the CPUs is there.
    case .thread(.invalidArgument) where !configuration.vcpuAffinity.isEmpty: .affinity
    case .kvm(.cannotOpen), .kvm(.notKVM), .kvm(.unsupportedVersion), .kvm(.missingCapability): .kvm
    case .thread, .kvm(.failed), .descriptor: .machine
    }
  }
}

extension BootError {
  /// The part of the guest's configuration at fault.
  fileprivate var part: GuestError.Part {
    switch self {
    case .cannotOpen(let file, _), .notARegularFile(let file), .empty(let file), .truncated(let file, _, _),
      .readFailed(let file, _), .notAKernel(let file), .otherArchitecture(let file, _), .noLongMode(let file),
      .protocolTooOld(let file, _), .unsupportedImage(let file, _), .badHeader(let file, _),
      .firmwareTooBig(let file, _, _), .firmwareNotOfPages(let file, _), .flatBinaryTooBig(let file, _, _):
      switch file {
      case .kernel: .kernel
      case .initrd: .initrd
      case .firmware: .firmware
      }
    case .initrdTooBig, .cannotMakeInitrd: .initrd
    case .kernelTooBig, .memoryTooSmall: .memory
    case .commandLineTooLong: .parameters
    case .badVCPUCount: .vcpuCount
    case .noFrameBuffer: .display
    case .kvm: .machine
    }
  }
}
