/// The back-off of a queue that waits for a completion: it polls with PAUSE, then with yields, then with sleeps.
public struct VextWaitPolicy: Equatable, Sendable {
  /// Number of polls with a `PAUSE` in between. A higher number lowers the latency and costs more CPU time.
  public var spinCount: Int
  /// Number of polls with a `sched_yield(2)` in between, after the spins.
  public var yieldCount: Int
  /// The first sleep in nanoseconds; each further sleep is twice as long, up to ``longestSleepNanoseconds``.
  public var sleepNanoseconds: UInt64
  /// The longest sleep in nanoseconds.
  public var longestSleepNanoseconds: UInt64
  /// How long to wait for any completion, in nanoseconds. After that the queue fails with `ETIMEDOUT`.
  public var timeoutNanoseconds: UInt64

  /// Makes a policy; the default spins for some tens of microseconds and times out after 30 seconds.
  public init(
    spinCount: Int = 4096, yieldCount: Int = 256, sleepNanoseconds: UInt64 = 20_000,
    longestSleepNanoseconds: UInt64 = 1_000_000, timeoutNanoseconds: UInt64 = 30_000_000_000
  ) {
    self.spinCount = spinCount
    self.yieldCount = yieldCount
    self.sleepNanoseconds = sleepNanoseconds
    self.longestSleepNanoseconds = longestSleepNanoseconds
    self.timeoutNanoseconds = timeoutNanoseconds
  }
}
