import HostSystem
import Testing

@testable import Hypervisor

/// Buckets of latencies.
@Suite struct LatencyCountsTests {
  @Test func `buckets follow each other without a gap, each within an eighth`() {
    let small = Array(0..<16 as Range<UInt64>)
    let large = (0..<60 as Range<UInt64>).flatMap { shift in small.map { (16 + $0) << shift } }
    var last = -1
    for ticks in small + large {
      let bucket = LatencyCounts.bucket(ofTicks: ticks)
      #expect(bucket == last || bucket == last + 1)
      last = bucket
      guard bucket < LatencyCounts.bucketCount - 1 else { continue }
      let start = bucket == 0 ? 0 : LatencyCounts.end(ofBucket: bucket - 1)
      let end = LatencyCounts.end(ofBucket: bucket)
      #expect(start <= Double(ticks) && Double(ticks) < end)
      #expect(end - start <= max(1, start / 8))
    }
    #expect(LatencyCounts.bucket(ofTicks: .max) == LatencyCounts.bucketCount - 1)
  }

  @Test func `percentiles are those of the sorted values, rounded up by an eighth at most`() throws {
    var generator = SplitMix64(seed: 5)
    let counters = LatencyCounters()
    var values: [UInt64] = []
    for _ in 0..<20_000 {
      let value = generator.next() >> (generator.next() % 36 + 26)
      values.append(value)
      counters.note(ticks: value)
    }
    values.sort()
    var counts = LatencyCounts()
    counters.add(to: &counts)
    counts.nanosecondsPerTick = 0.5
    for part in [0.01, 0.5, 0.9, 0.99, 0.999, 1] {
      let exact = 0.5 * Double(values[min(Int((part * 20_000).rounded(.up)), 20_000) - 1])
      let found = try #require(counts.nanoseconds(within: part))
      #expect(found >= exact && found <= exact * 1.125 + 0.5)
    }
    #expect(LatencyCounts().nanoseconds(within: 0.5) == nil)
    #expect(counts.since(counts).total == 0)
  }
}
