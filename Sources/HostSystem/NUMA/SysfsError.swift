import SystemPackage

/// Why a tree of sysfs could not be read.
public enum SysfsError: Error, Equatable, CustomStringConvertible {
  /// The system refused a file.
  case unreadable(path: String, Errno)
  /// A file does not hold what the kernel documents for it.
  case malformed(path: String, text: String)
  /// There is no list of CPUs: this is no sysfs.
  case noCPUs(path: String)
  /// The system does not say which CPUs may be used.
  case unknownAffinity(Errno)

  /// One line for a person.
  public var description: String {
    switch self {
    case .unreadable(let path, let error): "\(path): \(error)"
    case .malformed(let path, let text): "\(path): cannot parse '\(text)'"
    case .noCPUs(let path): "\(path): no list of CPUs; is sysfs mounted?"
    case .unknownAffinity(let error): "sched_getaffinity: \(error)"
    }
  }
}
