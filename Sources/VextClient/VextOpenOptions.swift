/// Options of ``VextBlockDevice/open(_:options:)``.
public struct VextOpenOptions: Equatable, Sendable {
  /// The size of the memory for requests and rings in bytes, a multiple of 2 MiB.
  public var poolByteCount: Int
  /// Whether to try huge pages first.
  public var allowsHugePages: Bool
  /// The default wait policy of queues.
  public var waitPolicy: VextWaitPolicy
  /// How long to wait for a function that is in use, in nanoseconds, because the guardian of a killed user may be
  /// cleaning up.
  public var lockTimeoutNanoseconds: UInt64
  /// The folder of the PCI functions in sysfs.
  public var sysfsPath: String

  /// Makes options; the default memory has 16 MiB.
  public init(
    poolByteCount: Int = 16 << 20, allowsHugePages: Bool = true,
    waitPolicy: VextWaitPolicy = VextWaitPolicy(),
    lockTimeoutNanoseconds: UInt64 = 1_000_000_000, sysfsPath: String = VextFunction.sysfsPath
  ) {
    self.poolByteCount = poolByteCount
    self.allowsHugePages = allowsHugePages
    self.waitPolicy = waitPolicy
    self.lockTimeoutNanoseconds = lockTimeoutNanoseconds
    self.sysfsPath = sysfsPath
  }
}
