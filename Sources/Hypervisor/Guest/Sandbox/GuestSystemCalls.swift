import CKVM
import CLinux
import Glibc
public import HostSystem

/// The system calls that the threads of a guest's process make, by the kind of the thread.
///
/// No kind may start programs, threads or processes, make memory executable, trace processes, or open a connection, except that the
/// network thread opens any, and the watcher one to a Unix socket. Only the kinds that serve files may open any.
public enum GuestSystemCalls {
  /// The kinds of threads that run while a guest runs, the main thread included.
  public static let kinds: [ThreadKind] = [
    .main, .vcpu, .io, .device, .share, .network, .control, .watcher, .display,
  ]

  /// Makes threads of `kinds` that start from now on filter their system calls. Once per process.
  ///
  /// - Returns: a sentence for the user where the kernel has no filters.
  /// - Throws: any other reason; then nothing is filtered either.
  public static func restrict(_ kinds: [ThreadKind]) throws(SystemCallFilterError) -> String? {
    var restrictions = ThreadRestrictions()
    do throws(SystemCallFilterError) {
      for kind in kinds {
        restrictions.filters[kind] = try SystemCallFilter(rules(for: kind))
      }
    } catch {
      switch error {
      case .noKernelSupport: return "system calls are not restricted: \(error)"
      case .badRule, .failed: throw error
      }
    }
    restrictions.activate()
    return nil
  }

  /// The calls of a kind.
  public static func rules(for kind: ThreadKind) -> [SystemCallRule] {
    let own: [SystemCallRule] =
      switch kind {
      case .main: mainThread
      case .vcpu: vcpu
      case .io: disks
      case .device: devices
      case .share: files
      case .network: network
      case .control: control
      case .watcher: watcher
      case .display: display
      }
    return common + own
  }

  /// The calls of the Swift runtime, malloc, locks, clocks, eventfds, and the end of a thread.
  private static var common: [SystemCallRule] {
    [
      "read", "write", "readv", "writev", "close", "futex",
      SystemCallRule("mmap", where: [.notExecutable]), SystemCallRule("mprotect", where: [.notExecutable]),
      "munmap", "mremap", "madvise", "brk",
      "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getcpu",
      "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "sched_yield",
      "sched_getaffinity", "poll", "ppoll",
      "rt_sigreturn", "rt_sigprocmask", "restart_syscall",
      // Interrupts a vCPU; abort(3).
      SystemCallRule("tgkill", where: [.ownProcess]),
      "exit", "exit_group",
      // A thread that crashes restores the terminal.
      .ioctl(UInt(TCGETS)), .ioctl(UInt(TCSETS)),
      // Any device may pull an interrupt line.
      .ioctl(CKVM_IRQ_LINE),
      "eventfd2", "epoll_ctl", "epoll_wait", "epoll_pwait",
    ]
  }

  /// Messages of sockets that are open, descriptors among them.
  private static let messages: [SystemCallRule] = ["sendmsg", "recvmsg", "sendto", "recvfrom", "shutdown"]

  /// A disk of vextd's: its socket is connected again when the service comes back, and the waits of vCPUs for a CPU are read.
  private static let watcher: [SystemCallRule] =
    messages + [SystemCallRule("socket", where: [.unixSocket]), "connect", "getsockopt", "fcntl", "pread64"]

  private static let tap: [SystemCallRule] = [
    .ioctl(LINUX_TUN_GET_INTERFACE), .ioctl(LINUX_TUN_SET_HEADER_SIZE), .ioctl(LINUX_TUN_SET_OFFLOADS),
    .ioctl(LINUX_TUN_SET_QUEUE),
  ]

  private static let timers: [SystemCallRule] = ["timerfd_create", "timerfd_settime"]

  /// A vCPU's thread also carries out what the guest writes to registers of devices.
  private static let vcpu: [SystemCallRule] =
    [
      CKVM_RUN, CKVM_IOEVENTFD, CKVM_IRQFD, CKVM_SET_GSI_ROUTING,
      CKVM_GET_REGS, CKVM_SET_REGS, CKVM_GET_SREGS, CKVM_SET_SREGS, CKVM_GET_MSRS, CKVM_SET_MSRS,
      CKVM_GET_LAPIC,
      CKVM_SET_LAPIC, CKVM_SET_MP_STATE, CKVM_NMI, CKVM_KVMCLOCK_CTRL, CKVM_GET_CLOCK, CKVM_SET_CLOCK,
      CKVM_SET_GUEST_DEBUG, CKVM_HAS_DEVICE_ATTR, CKVM_GET_DEVICE_ATTR, CKVM_SET_DEVICE_ATTR,
      CKVM_GET_TSC_KHZ,
      CKVM_GET_STATS_FD,
    ].map { .ioctl($0) } + ["fcntl", "pread64"] + tap + timers + messages

  /// What vCPUs and the main thread need beside their own for devices of the host: interrupts, the reset at the end, and accesses to
  /// registers that are not mapped. The devices were opened, and memory pinned, before.
  public static let hostDevices: [SystemCallRule] = [
    .ioctl(VFIORequest.setInterrupts), .ioctl(VFIORequest.reset), "pread64", "pwrite64",
  ]

  /// What a vCPU's thread needs beside its own to move BARs that are memory: a ``SharedMemoryDevice``'s, a device's of the host.
  public static let movingMemory: SystemCallRule = .ioctl(CKVM_SET_USER_MEMORY_REGION)

  /// What threads need beside their own to hand rings to vhost drivers of the host's kernel and to take them back: vCPUs, the main
  /// thread at the end, and the device thread. Which device a guest has, and its context ID, is settled before.
  public static let vhost: [SystemCallRule] = [
    CKVM_VHOST_SET_FEATURES, CKVM_VHOST_SET_MEM_TABLE, CKVM_VHOST_SET_VRING_NUM, CKVM_VHOST_SET_VRING_BASE,
    CKVM_VHOST_GET_VRING_BASE, CKVM_VHOST_SET_VRING_ADDR, CKVM_VHOST_SET_VRING_KICK,
    CKVM_VHOST_SET_VRING_CALL, CKVM_VHOST_NET_SET_BACKEND, CKVM_VHOST_VSOCK_SET_RUNNING,
    CKVM_VHOST_SCSI_SET_ENDPOINT, CKVM_VHOST_SCSI_CLEAR_ENDPOINT,
  ].map { .ioctl($0) }

  /// Requests of disks by each engine.
  private static let disks: [SystemCallRule] = [
    "io_submit", "io_getevents", "io_destroy", "io_uring_enter", "io_uring_register",
    "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "fsync", "fdatasync", "fallocate",
    // BLKDISCARD and BLKZEROOUT.
    .ioctl(0x1277), .ioctl(0x127F),
  ]

  private static let devices: [SystemCallRule] =
    tap + timers + messages + [.ioctl(UInt(TIOCGWINSZ)), .ioctl(UInt(TIOCSWINSZ)), "fcntl", "fallocate"]

  private static let files: [SystemCallRule] = [
    "openat", "openat2", "fstat", "newfstatat", "statx", "fstatfs", "statfs", "lseek", "getdents64",
    "readlinkat",
    "readlink", "pread64", "pwrite64", "preadv", "pwritev", "fsync", "fdatasync", "ftruncate", "truncate",
    "fallocate",
    "mkdirat", "mknodat", "symlinkat", "linkat", "renameat", "renameat2", "unlinkat", "fchown", "fchownat",
    "fchmod",
    "fchmodat", "chmod", "utimensat", "fcntl", "flock", "getxattr", "lgetxattr", "fgetxattr", "setxattr",
    "lsetxattr",
    "fsetxattr", "listxattr", "llistxattr", "flistxattr", "removexattr", "lremovexattr", "fremovexattr",
  ]

  private static let network: [SystemCallRule] =
    messages + [
      "socket", "connect", "bind", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt",
      "setsockopt",
      "fcntl", .ioctl(UInt(FIONREAD)), .ioctl(UInt(FIONBIO)),
      // /etc/resolv.conf, when it changes.
      SystemCallRule("openat", where: [.readsOnly]), "fstat", "newfstatat", "lseek",
    ]

  /// Connections of VNC clients, which libvncserver serves, and the pages that the guest has changed. A client must not end the
  /// process by making the library look for a file.
  private static let display: [SystemCallRule] =
    messages + [
      "accept4", "select", "pselect6", "getsockname", "getpeername", "getsockopt", "setsockopt", "fcntl",
      .ioctl(CKVM_GET_DIRTY_LOG), SystemCallRule("openat", error: EACCES),
      SystemCallRule("newfstatat", error: EACCES), SystemCallRule("access", error: EACCES),
    ]

  /// What a display's thread needs beside its own for a window of X11's, whose picture is in memory shared with the server. At its end
  /// SDL asks which signals have handlers.
  public static let showingWindow: [SystemCallRule] = [
    "shmget", "shmat", "shmctl", "shmdt", "uname",
    SystemCallRule(
      "rt_sigaction", where: [SystemCallRule.Condition(argument: 1, mask: .max, value: 0)]),
  ]

  /// Commands: a socket, the kernel's symbols, and statistics.
  private static let control: [SystemCallRule] =
    messages + [
      "accept4", "getsockopt", "fcntl", SystemCallRule("openat", where: [.readsOnly]), "fstat", "newfstatat",
      "statx",
      "lseek", "pread64", "getrusage", "unlink", "unlinkat",
      // A pause stops the guest's clock.
      .ioctl(CKVM_GET_CLOCK), .ioctl(CKVM_SET_CLOCK), .ioctl(CKVM_KVMCLOCK_CTRL),
    ]

  /// The end of a guest: disks are flushed, the terminal is restored, the socket is removed, statistics are written.
  private static let mainThread: [SystemCallRule] =
    messages + disks + tap + timers + [
      "openat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "lseek", "fcntl",
      "getrusage",
      "unlink", "unlinkat", "ftruncate", "epoll_create1", "flock", "readlink",
      .ioctl(UInt(TIOCGWINSZ)), .ioctl(UInt(TIOCSWINSZ)),
      .ioctl(CKVM_IOEVENTFD), .ioctl(CKVM_IRQFD), .ioctl(CKVM_SET_GSI_ROUTING), .ioctl(CKVM_GET_STATS_FD),
      .ioctl(CKVM_KVMCLOCK_CTRL),
    ]
}

extension SystemCallRule.Condition {
  /// PROT_EXEC is not asked for.
  fileprivate static let notExecutable = Self(argument: 2, mask: UInt64(PROT_EXEC), value: 0)
  /// The process is this one.
  fileprivate static var ownProcess: Self {
    Self(argument: 0, mask: 0xFFFF_FFFF, value: UInt64(UInt32(bitPattern: getpid())))
  }
  /// The socket is of this host's processes.
  fileprivate static let unixSocket = Self(argument: 0, mask: 0xFFFF_FFFF, value: UInt64(AF_UNIX))
  /// The file is opened for reading, and not made.
  fileprivate static let readsOnly = Self(argument: 2, mask: UInt64(O_ACCMODE | O_CREAT | O_TRUNC), value: 0)
}
