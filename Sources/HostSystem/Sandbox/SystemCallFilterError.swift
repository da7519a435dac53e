public import SystemPackage

/// Why system calls cannot be filtered.
public enum SystemCallFilterError: Error, Equatable, CustomStringConvertible {
  /// The kernel has no filters that kill the process.
  case noKernelSupport
  /// A rule that no program can have: for a call that this architecture does not have, or with a condition that cannot hold.
  case badRule(String, Errno)
  /// The filter could not be compiled or installed, or capabilities not be dropped.
  case failed(Errno)

  /// The reason, and what helps.
  public var description: String {
    switch self {
    case .noKernelSupport: "this kernel has no seccomp filters (Linux 4.14)"
    case .badRule(let name, let error): "no filter can have a rule for \(name): \(error)"
    case .failed(let error): "the kernel: \(error)"
    }
  }
}
