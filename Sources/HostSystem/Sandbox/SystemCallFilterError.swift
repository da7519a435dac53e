public import SystemPackage

/// Why system calls cannot be filtered.
public enum SystemCallFilterError: Error, Equatable, CustomStringConvertible {
  /// The kernel has no filters that kill the process.
  case noKernelSupport
  /// libseccomp could not be loaded, for the loader's reason.
  case noLibrary(String)
  /// The library refused a rule for the call named.
  case badRule(String, Errno)
  /// The filter could not be compiled or installed, or capabilities not be dropped.
  case failed(Errno)

  /// The reason, and what helps.
  public var description: String {
    switch self {
    case .noKernelSupport: "this kernel has no seccomp filters (Linux 4.14)"
    case .noLibrary(let reason): "libseccomp 2.5 or newer (Debian: libseccomp2) is needed: \(reason)"
    case .badRule(let name, let error): "libseccomp refuses a rule for \(name): \(error)"
    case .failed(let error): "the kernel: \(error)"
    }
  }
}
