public import SystemPackage

/// Why a machine could not be made or started.
public enum MachineError: Error, CustomStringConvertible, Sendable {
  /// KVM refused.
  case kvm(KVMError)
  /// RAM could not be had: not enough of it, or not on the node.
  case memory(byteCount: UInt64, Errno)
  /// More vCPUs than this KVM allows, or none.
  case badVCPUCount(Int, limit: Int)
  /// An eventfd could not be had.
  case descriptor(Errno)
  /// A vCPU's thread could not be started, or not where it was to run.
  case thread(Errno)

  /// One line for a person.
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
