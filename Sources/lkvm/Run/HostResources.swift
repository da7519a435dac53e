import Glibc
import Hypervisor

/// The host's resources, for defaults and limits.
struct HostResources: Equatable {
  /// CPUs that are online.
  var onlineCPUCount: Int
  /// Bytes of RAM.
  var memoryByteCount: UInt64
  /// The most vCPUs that a machine has on this host's KVM.
  var vcpuLimit = BootLayout.vcpuLimit

  /// This host's.
  ///
  /// - Parameter path: KVM's device file. Where it cannot be opened, making the machine says so.
  static func current(kvm path: String = KVMSystem.defaultPath) -> HostResources {
    let kvmLimit = (try? KVMSystem(path: path))?.maxVCPUs
    return HostResources(
      onlineCPUCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      memoryByteCount: UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES))))
        * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE)))),
      vcpuLimit: min(BootLayout.vcpuLimit, kvmLimit ?? BootLayout.vcpuLimit))
  }

  /// 64 MiB for each vCPU and three more, at most four fifths of the host's, in whole MiB.
  func defaultMemoryByteCount(vcpuCount: Int) -> UInt64 {
    let wanted = UInt64(vcpuCount + 3) * (64 << 20)
    let most = memoryByteCount / 5 * 4
    return max(1, min(wanted, most) >> 20) << 20
  }
}
