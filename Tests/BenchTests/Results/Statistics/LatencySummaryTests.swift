import HostSystem
import MicroGuest
import Testing

@testable import Bench

struct LatencySummaryTests {
  private func isClose(_ value: Double, _ expected: Double, within relative: Double = 0.006) -> Bool {
    abs(value - expected) <= expected * relative
  }

  @Test("percentiles agree with those of the sorted values", arguments: [1_000_000, 2_300_000, 4_123_456])
  func percentiles(tscKHz: UInt64) {
    var generator = SplitMix64(seed: 99)
    // Three decades, so that buckets of many widths take part.
    let values = (0..<20_000).map { _ in
      UInt64.random(in: 200...(1 << UInt64.random(in: 9...18, using: &generator)), using: &generator)
    }
    var latencies = TickLatencies(tscKHz: tscKHz)
    latencies.add(values: values)
    let summary = LatencySummary(LatencyDistribution(latencies))
    let sorted = values.sorted()
    func exact(_ percent: Double) -> Double {
      let rank = Int((percent / 100 * Double(sorted.count)).rounded(.up))
      return Double(sorted[max(1, rank) - 1]) * 1e6 / Double(tscKHz)
    }
    // A bucket is a whole number of nanoseconds wide at the least.
    let rounding = 1 / exact(50)
    #expect(isClose(summary.p50, exact(50), within: 0.006 + rounding))
    #expect(isClose(summary.p90, exact(90)))
    #expect(isClose(summary.p99, exact(99)))
    #expect(isClose(summary.p99_9, exact(99.9)))
    #expect(isClose(summary.max, exact(100), within: 1e-12))
    let mean = Double(values.reduce(0, +)) / Double(values.count) * 1e6 / Double(tscKHz)
    #expect(isClose(summary.mean, mean, within: 1e-12))
  }

  @Test("no percentile lies above the largest latency")
  func bounded() {
    var latencies = TickLatencies(tscKHz: 1_000_000)
    latencies.add(values: [65_536 * 3 + 1])
    let summary = LatencySummary(LatencyDistribution(latencies))
    #expect(summary.p50 <= summary.max)
    #expect(summary.p99_9 <= summary.max)
    #expect(summary.max == 196_609)
  }

  @Test("no latencies give zeros")
  func empty() {
    let summary = LatencySummary(LatencyDistribution(TickLatencies(tscKHz: 2_000_000)))
    #expect([summary.mean, summary.p50, summary.p99, summary.max] == [0, 0, 0, 0])
  }

  @Test("workers and guests add up")
  func adding() {
    var first = TickLatencies(tscKHz: 1_000_000)
    first.add(values: [1000, 3000])
    var second = TickLatencies(tscKHz: 1_000_000)
    second.add(values: [8000])
    first.add(second)
    #expect(first.sumTicks == 12_000)
    #expect(first.maxTicks == 8000)
    #expect(first.counts.reduce(0, +) == 3)
    #expect(LatencySummary(LatencyDistribution(first)).mean == 4000)
  }

  @Test("garbage in a guest's histogram saturates, and does not trap")
  func garbage() {
    var latencies = TickLatencies(tscKHz: 1_000_000)
    let counts = [UInt64](repeating: .max, count: TickHistogram.bucketCount + 10)
    latencies.add(counts: counts, sumTicks: .max, maxTicks: .max)
    latencies.add(counts: counts, sumTicks: .max, maxTicks: .max)
    let summary = LatencySummary(LatencyDistribution(latencies))
    #expect(summary.p50 > 0)
    #expect(latencies.sumTicks == .max)
    #expect(NanosecondHistogram(LatencyDistribution(latencies)).counts.isEmpty == false)
  }

  @Test("percentiles can be computed again from the recorded histogram")
  func recordedHistogram() {
    var latencies = TickLatencies(tscKHz: 2_300_000)
    latencies.add(values: (1...10_000).map { $0 * 37 })
    let histogram = NanosecondHistogram(LatencyDistribution(latencies))
    #expect(histogram.counts.reduce(0, +) == 10_000)
    #expect(histogram.upperNanoseconds == histogram.upperNanoseconds.sorted())
    #expect(Set(histogram.upperNanoseconds).count == histogram.upperNanoseconds.count)
    var left: UInt64 = 9900
    let p99 = zip(histogram.upperNanoseconds, histogram.counts).first { _, count in
      left -= min(left, count)
      return left == 0
    }
    #expect(
      p99.map { isClose(Double($0.0), LatencySummary(LatencyDistribution(latencies)).p99, within: 1e-9) }
        == true)
  }

  @Test("a median is the middle sample, or the mean of the two in the middle")
  func spread() {
    #expect(Spread([]) == nil)
    #expect(Spread([4])?.median == 4)
    #expect(Spread([3, 1, 2])?.median == 2)
    #expect(Spread([4, 1, 2, 3])?.median == 2.5)
    #expect(Spread([3, 1, 2])?.minimum == 1)
    #expect(Spread([3, 1, 2])?.maximum == 3)
  }
}
