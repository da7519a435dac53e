/// What the kernel lets this process do, as far as bench needs it.
struct ProcessRights: Equatable, Sendable {
  /// Bytes of memory that it may lock (RLIMIT_MEMLOCK); nil: any number, or unknown.
  var lockedMemoryLimit: UInt64?
  /// Whether that limit does not bind it (CAP_IPC_LOCK).
  var mayLockMemory: Bool
  /// Whether it may administer the system (CAP_SYS_ADMIN), and with it use io_uring where only the privileged may.
  var isAdministrator: Bool
  /// Whether a filter of system calls is in force, as in containers.
  var isFiltered: Bool
}

extension ProcessRights {
  /// Numbers of capabilities (linux/capability.h).
  private static let ipcLock: UInt64 = 14
  private static let systemAdministration: UInt64 = 21

  /// Reads /proc/self/limits and /proc/self/status.
  init(_ files: KernelFiles) {
    let status = files.lines("proc/self/status")
    let effective = status.lazy.compactMap { $0.value(ofKey: "CapEff") }.first
    let capabilities = effective.flatMap { UInt64($0, radix: 16) } ?? 0
    mayLockMemory = capabilities >> Self.ipcLock & 1 == 1
    isAdministrator = capabilities >> Self.systemAdministration & 1 == 1
    // 0 is off, 1 strict, 2 a filter.
    isFiltered = status.contains { $0.value(ofKey: "Seccomp") == "2" }
    let label = "Max locked memory"
    let line = files.lines("proc/self/limits").first { $0.hasPrefix(label) } ?? ""
    lockedMemoryLimit = line.dropFirst(label.count).split(separator: " ").first.flatMap { UInt64($0) }
  }
}
