import Glibc

/// What the host has, for defaults and limits.
struct HostResources: Equatable {
  /// CPUs that are online.
  var onlineCPUCount: Int
  /// Bytes of RAM.
  var memoryByteCount: UInt64

  /// This host's.
  static func current() -> HostResources {
    HostResources(
      onlineCPUCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      memoryByteCount: UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES))))
        * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE)))))
  }

  /// 64 MiB for each vCPU and three more, at most four fifths of the host's, in whole MiB.
  func defaultMemoryByteCount(vcpuCount: Int) -> UInt64 {
    let wanted = UInt64(vcpuCount + 3) * (64 << 20)
    let most = memoryByteCount / 5 * 4
    return max(1, min(wanted, most) >> 20) << 20
  }
}
