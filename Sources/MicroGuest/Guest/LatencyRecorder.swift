/// Counts latencies in this worker's histogram; sum and extremes stay in registers until they are written out.
// SAFETY: the histogram has TickHistogram.bucketCount buckets, and no other bucket is ever named.
@safe
struct LatencyRecorder {
  private let histogram: UnsafeMutablePointer<UInt64>
  private var sum: UInt64 = 0
  private var maximum: UInt64 = 0
  private var minimum = UInt64.max

  /// Starts from an empty histogram, whose cache lines are then at hand.
  init(histogram: UnsafeMutablePointer<UInt64>) {
    unsafe self.histogram = unsafe histogram
    unsafe histogram.update(repeating: 0, count: TickHistogram.bucketCount)
  }

  @inline(__always)
  mutating func record(_ ticks: UInt64) {
    unsafe histogram[TickHistogram.bucket(of: ticks)] &+= 1
    sum = sum &+ ticks
    maximum = max(maximum, ticks)
    minimum = min(minimum, ticks)
  }

  /// Writes sum and extremes, all zero if nothing was recorded.
  func write(to block: WorkerBlock) {
    block[WorkerWord.latencySumTicks] = sum
    block[WorkerWord.latencyMaxTicks] = maximum
    block[WorkerWord.latencyMinTicks] = min(minimum, maximum)
  }
}
