import Hypervisor

/// What the kernel allows.
extension Doctor {
  /// What an I/O thread with libaio reserves (`fs.aio-nr`).
  static let aioRequestsPerIOThread: UInt64 = 4096

  private var usesIOUring: Bool {
    configuration.modes.contains { $0.engine(configuration.engine) == .ioUring }
  }

  /// Memory of all guests.
  private var guestByteCount: UInt64 {
    let bytes = configuration.linux?.memory.byteCount ?? GuestLayout(configuration)?.memoryByteCount ?? 0
    return UInt64(configuration.guestCount).multipliedReportingOverflow(by: bytes).partialValue
  }

  var aioLimit: Finding? {
    guard configuration.engine == .libaio, let limit = host.kernelSettings?.aioLimit,
      let reserved = host.kernelSettings?.aioReserved
    else { return nil }
    let needed = UInt64(configuration.ioThreadCount) * Self.aioRequestsPerIOThread
    let free = limit - min(limit, reserved)
    let why =
      "an I/O thread with libaio asks for \(Self.aioRequestsPerIOThread) requests, and does not start without them"
    let found = "\(free) of fs.aio-max-nr = \(limit) are free, and \(needed) are needed"
    guard free < needed else { return Finding(check: .aioLimit, severity: .ok, found: found, why: why) }
    let remedy = "sysctl fs.aio-max-nr=\(max(1 << 20, (reserved &+ needed) &* 2))"
    return Finding(check: .aioLimit, severity: .spoils, found: found, why: why, remedy: remedy)
  }

  var ioUring: Finding? {
    let disabled = host.kernelSettings?.ioUringDisabled
    let why = "--engine io_uring and the mode virtio-blk-tuned need it"
    let severity: Finding.Severity = usesIOUring ? .spoils : .note
    if disabled == 2 || disabled == 1 && !environment.rights.isAdministrator {
      return Finding(
        check: .ioUring, severity: severity, found: "kernel.io_uring_disabled is \(disabled ?? 0)", why: why,
        remedy: "sysctl kernel.io_uring_disabled=0")
    }
    if environment.rights.isFiltered {
      return Finding(
        check: .ioUring, severity: .note, found: "a filter of system calls is in force, as in a container",
        why: why,
        remedy: "run outside, or let the filter pass io_uring (docker run --security-opt seccomp=unconfined)")
    }
    guard disabled != nil else { return nil }
    return Finding(check: .ioUring, severity: .ok, found: "io_uring may be used", why: why)
  }

  var lockedMemory: Finding? {
    let rights = environment.rights
    let needed = guestByteCount
    let why =
      "io_uring registers the guests' memory if it may lock it; without, the kernel pins pages at each request"
    guard let limit = rights.lockedMemoryLimit, !rights.mayLockMemory, limit < needed else {
      return Finding(
        check: .lockedMemory, severity: .ok, found: "the guests' memory may be locked", why: why)
    }
    return Finding(
      check: .lockedMemory, severity: usesIOUring ? .spoils : .note,
      found: "\(limit >> 10) KiB may be locked (RLIMIT_MEMLOCK), and the guests have \(needed >> 10)",
      why: why,
      remedy: "ulimit -l unlimited, after \"$USER - memlock unlimited\" in /etc/security/limits.conf")
  }
}
