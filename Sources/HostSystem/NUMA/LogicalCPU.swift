/// A CPU as the kernel counts them: a core, or one of the hardware threads of a core.
public struct LogicalCPU: Equatable, Sendable {
  /// The kernel's number.
  public let id: Int
  /// The node that its memory accesses are local to.
  public let node: Int
  /// The core's number within its package; nil while offline.
  public let coreID: Int?
  /// The package (socket); nil while offline.
  public let packageID: Int?
  /// The CPUs of the same core, itself included.
  public let siblings: CPUSet
  /// Whether the kernel runs threads on it.
  public let isOnline: Bool
  /// Whether this process may use it (affinity, cpuset).
  public let isAllowed: Bool

  /// Whether a thread of this process can run there.
  public var isUsable: Bool { isOnline && isAllowed }
}
