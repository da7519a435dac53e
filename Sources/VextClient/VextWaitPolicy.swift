/// How a queue waits for an answer: it spins, then lets others run, then sleeps between looks.
public struct VextWaitPolicy: Equatable, Sendable {
  /// Looks with no more than a `PAUSE` between them. More: less latency, more of the processor's time.
  public var spinCount: Int
  /// Looks with a `sched_yield(2)` between them, after the spins.
  public var yieldCount: Int
  /// The first sleep in nanoseconds; each is twice as long, up to ``longestSleepNanoseconds``.
  public var sleepNanoseconds: UInt64
  /// The longest sleep in nanoseconds.
  public var longestSleepNanoseconds: UInt64
  /// How long it may take until any answer comes, in nanoseconds. After that the queue has failed with `ETIMEDOUT`.
  public var timeoutNanoseconds: UInt64

  /// The usual: some tens of microseconds of spinning, and 30 seconds.
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
