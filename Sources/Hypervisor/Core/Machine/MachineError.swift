public import SystemPackage

/// The reason why a machine could not be made or started.
public enum MachineError: Error, CustomStringConvertible, Sendable {
  /// KVM refused an operation.
  case kvm(KVMError)
  /// There is not enough memory for RAM, on the host or on the node.
  case memory(byteCount: UInt64, Errno)
  /// RAM of huge pages could not be allocated: too few are free, or the folder is no hugetlbfs.
  case hugePages(path: String, byteCount: UInt64, Errno)
  /// The kernel merges no pages.
  case merging(Errno)
  /// The number of vCPUs is 0 or more than this KVM allows.
  case badVCPUCount(Int, limit: Int)
  /// The kernel refused an eventfd.
  case descriptor(Errno)
  /// A vCPU's thread could not be started or pinned.
  case thread(Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .kvm(let error): error.description
    case .memory(let byteCount, let errno): "guest memory of \(byteCount) bytes: \(errno)"
    case .hugePages(let path, _, .invalidArgument):
      "\(path) is not on a hugetlbfs; mount one there, or leave --hugetlbfs out"
    case .hugePages(let path, let byteCount, .noMemory):
      "\(path): \(byteCount >> 20) MiB of huge pages are not free; /proc/sys/vm/nr_hugepages says how many there are"
    case .hugePages(let path, _, let errno): "\(path): \(errno)"
    case .merging(let errno): "the host's kernel merges no pages (CONFIG_KSM): \(errno)"
    case .badVCPUCount(let count, let limit): "\(count) vCPUs: this KVM runs 1 to \(limit)"
    case .descriptor(let errno): "eventfd: \(errno)"
    case .thread(let errno): "vCPU thread: \(errno)"
    }
  }
}
