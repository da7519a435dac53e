public import SystemPackage

/// The reason why a machine could not be made or started.
public enum MachineError: Error, CustomStringConvertible, Sendable {
  /// KVM refused an operation.
  case kvm(KVMError)
  /// There is not enough memory for RAM, on the host or on the node.
  case memory(byteCount: UInt64, Errno)
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
    case .badVCPUCount(let count, let limit): "\(count) vCPUs: this KVM runs 1 to \(limit)"
    case .descriptor(let errno): "eventfd: \(errno)"
    case .thread(let errno): "vCPU thread: \(errno)"
    }
  }
}
