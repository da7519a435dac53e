import CGuest

/// System calls of x86-64 Linux.
enum Kernel {
  /// The calls that are made here, by their number.
  enum Call: Int64 {
    case read = 0
    case write = 1
    case open = 2
    case close = 3
    case stat = 4
    case signalMask = 14  // rt_sigprocmask
    case ioctl = 16
    case pread = 17  // pread64
    case writev = 20
    case access = 21
    case dup2 = 33
    case nanosleep = 35
    case getpid = 39
    case socket = 41
    case fork = 57
    case execve = 59
    case exit = 60
    case wait4 = 61
    case kill = 62
    case chdir = 80
    case mkdir = 83
    case unlink = 87
    case symlink = 88
    case setProcessGroup = 109  // setpgid
    case setsid = 112
    case chroot = 161
    case sync = 162
    case mount = 165
    case umount2 = 166
    case reboot = 169
    case sethostname = 170
    case ioperm = 173
    case getDirectoryEntries = 217  // getdents64
    case exitGroup = 231
    case pipe = 293  // pipe2
    case finitModule = 313
  }

  /// The value that a system call returned, or the error in it.
  static func result(_ value: Int64) throws(Errno) -> UInt64 {
    guard value < -4095 || value >= 0 else { throw Errno(code: -value) }
    return UInt64(bitPattern: value)
  }

  /// Calls `body` with what system calls take for `value`: an address that is valid until `body` returns.
  static func withAddress<Value: BitwiseCopyable, Result>(
    of value: inout Value, _ body: (UInt64) -> Result
  ) -> Result {
    // SAFETY: the pointer leaves as a number, which nothing but the kernel turns into memory again.
    unsafe withUnsafeMutablePointer(to: &value) { body(UInt64(UInt(bitPattern: $0))) }
  }

  @discardableResult
  static func call(
    _ call: Call, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0, _ e: UInt64 = 0
  ) throws(Errno) -> UInt64 {
    try result(init_system_call(call.rawValue, a, b, c, d, e))
  }

  /// Whether a call that may fail succeeded.
  @discardableResult
  static func attempt(
    _ call: Call, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0, _ e: UInt64 = 0
  ) -> Bool {
    init_system_call(call.rawValue, a, b, c, d, e) >= 0
  }
}
