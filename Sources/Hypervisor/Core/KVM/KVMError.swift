public import SystemPackage

/// The reason why KVM refused an operation.
public enum KVMError: Error, Equatable, CustomStringConvertible, Sendable {
  /// KVM's device file does not exist, or the process may not open it.
  case cannotOpen(path: String, Errno)
  /// The file is not KVM's device file.
  case notKVM(path: String)
  /// KVM_GET_API_VERSION is not 12.
  case unsupportedVersion(Int32)
  /// A capability that the hypervisor needs is missing.
  case missingCapability(String)
  /// An ioctl failed.
  case failed(request: String, Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .cannotOpen(let path, .noSuchFileOrDirectory):
      "\(path) does not exist: this machine offers no KVM (load kvm_intel or kvm_amd, or enable nesting)"
    case .cannotOpen(let path, .permissionDenied):
      "\(path): permission denied: join the group kvm, or run as root"
    case .cannotOpen(let path, let errno): "\(path): \(errno)"
    case .notKVM(let path): "\(path) is not KVM's device file"
    case .unsupportedVersion(let version): "KVM API version \(version) is not 12"
    case .missingCapability(let name): "this KVM lacks \(name)"
    case .failed(let request, let errno): "\(request): \(errno)"
    }
  }
}
