import HostSystem
import Hypervisor

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
    machine.hugePagesPath = options.machine.hugetlbfs
    if let device = options.devices.hostDevices.first {
      try checkMemory(options, of: device)
    } else {
      machine.mergesPages = options.machine.ksm
    }
    machine.sharesMemory = try sharesMemory(options)
    machine.debug.logsUnclaimedPorts = options.debugging.debugIoport
    machine.debug.logsUnclaimedMemory = options.debugging.debugMmio
    machine.debug.singleSteps = options.debugging.debugSingleStep
    machine.debug.accessDelayMilliseconds = UInt64(options.debugging.debugIodelay ?? 0)
    return machine
  }

  /// Whether another process serves a device, which it does in memory of ordinary pages alone.
  private static func sharesMemory(_ options: RunSettings) throws(LkvmFailure) -> Bool {
    let isVhostUser = !options.devices.vhostUserBlk.isEmpty || !options.devices.vhostUserFs.isEmpty
    if isVhostUser, let path = options.machine.hugetlbfs {
      throw .usage(
        "--hugetlbfs \(path): memory of huge pages is not shared with vhost-user back ends; leave out --hugetlbfs"
      )
    }
    let isServed = options.devices.vext.contains { disk in
      switch disk.source {
      case .file: false
      case .service: true
      }
    }
    if isServed, let path = options.machine.hugetlbfs {
      throw .usage(
        "--hugetlbfs \(path): vextd does not serve guests whose memory is of huge pages; leave out --hugetlbfs, or serve the "
          + "disk by '--vext FILE'")
    }
    return isServed || isVhostUser
  }

  /// Refuses what does not go together with memory that a device of the host accesses: all of it is pinned.
  private static func checkMemory(_ options: RunSettings, of device: HostPCIAddress) throws(LkvmFailure) {
    guard !options.devices.balloon else {
      throw .usage(
        "--vfio-pci \(device): the device would write to pages that the guest's balloon has given back; leave out --balloon"
      )
    }
    if options.machine.ksm {
      StandardError.writeWarning("--ksm: no effect with --vfio-pci, which pins all of the guest's memory")
    }
  }

  /// Opens the devices of the host, before the process gives up its rights; nil without any.
  static func hostDevices(_ options: RunSettings) throws(LkvmFailure) -> VFIOContainer? {
    guard !options.devices.hostDevices.isEmpty else { return nil }
    do throws(VFIOError) { return try VFIOContainer(options.devices.hostDevices) } catch {
      throw LkvmFailure("--vfio-pci: \(error)")
    }
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
}
