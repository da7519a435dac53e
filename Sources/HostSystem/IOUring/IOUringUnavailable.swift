import CURing
public import SystemPackage

/// Why this host has no io_uring for us, in one line.
public enum IOUringUnavailable: Error, Equatable, CustomStringConvertible, Sendable {
  /// The kernel was built without it (CONFIG_IO_URING), or a seccomp filter says so.
  case missing
  /// `kernel.io_uring_disabled` forbids it: 1 to processes without privileges, 2 to everybody.
  case disabled(level: Int)
  /// A seccomp filter, as containers have them, or a security module forbids it.
  case forbidden
  /// The kernel is older than Linux 5.19: it lacks an operation, or tables to which files are added.
  case tooOld
  /// Memory that may be locked (RLIMIT_MEMLOCK) does not suffice.
  case lockedMemory
  /// Anything else.
  case failed(Errno)

  /// Says it.
  public var description: String {
    switch self {
    case .missing: "io_uring: missing in this kernel (CONFIG_IO_URING), or hidden by a seccomp filter"
    case .disabled(let level): "io_uring: switched off by the sysctl kernel.io_uring_disabled=\(level)"
    case .forbidden: "io_uring: forbidden by a seccomp filter or a security module, as in many containers"
    case .tooOld: "io_uring: too old in this kernel; Linux 5.19 is needed"
    case .lockedMemory: "io_uring: not enough memory may be locked (ulimit -l, RLIMIT_MEMLOCK)"
    case .failed(let errno): "io_uring: \(errno)"
    }
  }

  /// What `errno` of `io_uring_setup(2)` means on a host whose sysctl has the value `disabledLevel`, if it has one.
  init(_ errno: Errno, disabledLevel: Int?) {
    switch (errno, disabledLevel) {
    case (.noFunction, _): self = .missing
    case (.notPermitted, let level?) where level > 0: self = .disabled(level: level)
    case (.notPermitted, _), (.permissionDenied, _): self = .forbidden
    case (.invalidArgument, _): self = .tooOld
    case (.noMemory, _): self = .lockedMemory
    default: self = .failed(errno)
    }
  }
}

extension IOUring {
  /// Tries whether this process can have a ring with all that ``IOUring`` uses.
  public static func checkAvailability() throws(IOUringUnavailable) {
    do throws(Errno) {
      let ring = try IOUring(capacity: 1)
      guard ring.knowsItsOperations else { throw Errno.invalidArgument }
    } catch {
      throw IOUringUnavailable(error, disabledLevel: disabledLevel())
    }
  }

  /// The sysctl kernel.io_uring_disabled (Linux 6.6), or nil where there is none.
  private static func disabledLevel() -> Int? {
    guard let file = try? OwnedDescriptor.open("/proc/sys/kernel/io_uring_disabled", flags: O_RDONLY),
      let bytes = try? DescriptorBytes.read(file.rawValue, limit: 16)
    else { return nil }
    return Int(String(decoding: bytes, as: UTF8.self).filter(\.isNumber))
  }
}
