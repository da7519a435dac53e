import HostSystem
import Hypervisor
import UserNetwork

extension GuestPlan {
  /// vCPUs, memory and debugging.
  static func machine(
    _ options: RunSettings, name: String, host: HostResources
  ) throws -> MachineConfiguration {
    let (vcpuCount, warning) = Self.vcpuCount(options.machine.cpus, host: host)
    if let warning { StandardError.writeWarning(warning) }
    let wantedByteCount =
      options.machine.mem?.byteCount ?? host.defaultMemoryByteCount(vcpuCount: vcpuCount)
    // Whole pages. A size is below 2^63.
    let page = GuestMemory.pageByteCount
    let memoryByteCount = (wantedByteCount + page - 1) / page * page
    if memoryByteCount > host.memoryByteCount {
      let (wanted, most) = (memoryByteCount >> 20, host.memoryByteCount >> 20)
      StandardError.writeWarning("--mem: \(wanted) MiB is more than the host's \(most) MiB")
    }
    var machine = MachineConfiguration(
      name: name, memoryByteCount: memoryByteCount, vcpuCount: vcpuCount,
      vcpuAffinity: try pinning(options.machine.pin, vcpuCount: vcpuCount),
      memoryNode: options.machine.numaNode)
    machine.advisesHugePages = options.machine.hugePages
    machine.debug.logsUnclaimedPorts = options.debugging.debugIoport
    machine.debug.logsUnclaimedMemory = options.debugging.debugMmio
    machine.debug.singleSteps = options.debugging.debugSingleStep
    machine.debug.accessDelayMilliseconds = UInt64(options.debugging.debugIodelay ?? 0)
    return machine
  }

  /// The number of vCPUs, and a warning if the user asked for more.
  static func vcpuCount(_ wanted: Int?, host: HostResources) -> (count: Int, warning: String?) {
    let count = min(wanted ?? host.onlineCPUCount, host.vcpuLimit)
    guard let wanted, wanted > count else { return (count, nil) }
    return (count, "--cpus \(wanted): this KVM runs \(count) vCPUs at most")
  }

  /// The CPU of each vCPU, in the order of the vCPUs' numbers.
  private static func pinning(_ text: String?, vcpuCount: Int) throws -> [CPUSet] {
    guard let text else { return [] }
    guard let cpus = CPUSet(parsing: text), !cpus.sorted.isEmpty else {
      throw LkvmFailure.usage("--pin \(text): not a list of CPUs such as 2,3 or 2-5")
    }
    guard cpus.sorted.count == vcpuCount else {
      throw LkvmFailure.usage("--pin \(text): wanted one CPU for each of \(vcpuCount) vCPUs")
    }
    return cpus.sorted.map { CPUSet([$0]) }
  }

  /// The network cards that the options ask for, in order.
  static func networks(_ options: RunSettings) -> [NetworkOptions] {
    guard !options.devices.network.isEmpty else {
      return options.kernel.nodefaults ? [] : [NetworkOptions.withoutOption]
    }
    return options.devices.network.filter { $0.mode != .none }
  }

  /// The kernel parameter with the first card's addresses; nil if lkvm does not know them.
  /// / lkvm's own init sets the addresses itself; the system of a disk or a folder reads `ip=`, as the kernel does
  /// (Documentation/admin-guide/nfs/nfsroot.rst).
  static func networkParameter(_ network: NetworkOptions?, root: KernelParameters.Root) -> String? {
    guard let network else { return nil }
    let gateway: IPv4Address?
    switch network.mode {
    case .none: return nil
    case .user: gateway = network.hostAddress ?? NetworkOptions.defaultHostAddress
    case .tap:
      gateway = network.tap.hostAddress
      // A tap that somebody else set up: only the user can know the guest's address.
      guard gateway != nil || network.hasGuestAddress else { return nil }
    }
    switch root {
    case .none: return nil
    case .share(_, .some):
      var words = ["\(network.guestAddress)/\(network.prefixLength)"]
      if let gateway { words.append("\(gateway)") }
      if network.mode == .user { words.append("\(UserNetworkConfiguration(network).chosenNameServer)") }
      return "lkvm.net=" + words.joined(separator: ",")
    case .firstDisk, .share(_, .none):
      if network.mode == .user { return "ip=dhcp" }
      let mask = IPv4Address(rawValue: UInt32.max << UInt32(32 - network.prefixLength))
      return "ip=\(network.guestAddress)::\(gateway.map { "\($0)" } ?? ""):\(mask):::off"
    }
  }
}
