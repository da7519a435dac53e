import SystemPackage

/// A thread of any process, by its number. Any thread may call any method.
public struct ForeignThread: Equatable, Sendable {
  /// What the kernel calls it.
  public let id: Int32

  /// The thread `id`, which may not exist.
  public init(id: Int32) { self.id = id }

  /// Lets it run on `cpus` only (`sched_setaffinity(2)`).
  ///
  /// - Throws: `ESRCH` if it has ended, `EPERM` if it is another user's.
  public func pin(to cpus: CPUSet) throws(Errno) {
    try cpus.pinThread(id: id)
  }

  /// The CPUs that it may run on (`sched_getaffinity(2)`).
  public func grantedCPUs() throws(Errno) -> CPUSet {
    try CPUSet.ofThread(id: id)
  }
}
