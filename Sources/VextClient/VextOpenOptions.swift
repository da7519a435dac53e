/// How to open a device.
public struct VextOpenOptions: Equatable, Sendable {
  /// The size of the memory for requests and rings: a multiple of 2 MiB.
  public var poolByteCount: Int
  /// Whether to try huge pages first.
  public var allowsHugePages: Bool
  /// How queues wait.
  public var waitPolicy: VextWaitPolicy
  /// How long to wait for a function that is in use, in nanoseconds: its user may just have been killed, and its
  /// guardian is cleaning up.
  public var patienceNanoseconds: UInt64
  /// Where sysfs has the PCI functions.
  public var sysfsPath: String

  /// The usual: 16 MiB.
  public init(
    poolByteCount: Int = 16 << 20, allowsHugePages: Bool = true,
    waitPolicy: VextWaitPolicy = VextWaitPolicy(),
    patienceNanoseconds: UInt64 = 1_000_000_000, sysfsPath: String = VextFunction.sysfsPath
  ) {
    self.poolByteCount = poolByteCount
    self.allowsHugePages = allowsHugePages
    self.waitPolicy = waitPolicy
    self.patienceNanoseconds = patienceNanoseconds
    self.sysfsPath = sysfsPath
  }
}
