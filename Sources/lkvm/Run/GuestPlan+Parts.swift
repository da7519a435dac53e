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

  /// The number of vCPUs, and a warning where the user asked for more.
  static func vcpuCount(_ wanted: Int?, host: HostResources) -> (count: Int, warning: String?) {
    let count = min(wanted ?? host.onlineCPUCount, host.vcpuLimit)
    guard let wanted, wanted > count else { return (count, nil) }
    return (count, "--cpus \(wanted): this KVM runs \(count) vCPUs at most")
  }

  /// One CPU for each vCPU, in the order of their numbers.
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

  /// The address that the guest's init gives the first card, where lkvm knows it.
  static func networkParameter(_ network: NetworkOptions?) -> String? {
    guard let network, network.mode == .user else { return nil }
    let gateway = network.hostAddress ?? NetworkOptions.defaultHostAddress
    let nameServer = UserNetworkConfiguration(network).chosenNameServer
    return "lkvm.net=\(network.guestAddress)/24,\(gateway),\(nameServer)"
  }
}
