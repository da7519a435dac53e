import Foundation
import Testing

@testable import Bench

struct BootstrapIntervalTests {
  @Test("intervals are SciPy's BCa intervals, but for the resamples drawn")
  func sciPy() throws {
    var comparedCount = 0
    for sample in try SciPyReference.load().cases {
      if let expected = sample.locationInterval, let differences = sample.differences {
        try check(
          BootstrapInterval.ofLocation(differences, confidence: 0.95, resampleCount: 1000, seed: 3), expected,
          sample.name)
        comparedCount += 1
      }
      if let expected = sample.shiftInterval {
        try check(
          BootstrapInterval.ofShift(
            from: sample.first, to: sample.second, confidence: 0.95, resampleCount: 1000, seed: 3), expected,
          sample.name)
        comparedCount += 1
      }
    }
    #expect(comparedCount == 4)
  }

  /// Both ends within a seventh of the interval's length of SciPy's.
  private func check(_ interval: BootstrapInterval?, _ expected: [Double], _ name: String) throws {
    let interval = try #require(interval)
    let slack = 0.14 * (expected[1] - expected[0])
    #expect(abs(interval.lower - expected[0]) < slack, "\(name): \(interval), \(expected)")
    #expect(abs(interval.upper - expected[1]) < slack, "\(name): \(interval), \(expected)")
  }

  @Test("the same seed gives the same interval, another one another")
  func seeds() {
    let values = [1.0, 5, 2, 8, 3, 9, 4, 4.5]
    let intervals = [1, 1, 2].map { seed in
      BootstrapInterval.ofLocation(values, confidence: 0.95, resampleCount: 200, seed: seed)
    }
    #expect(intervals[0] == intervals[1])
    #expect(intervals[0] != intervals[2])
  }

  @Test("of values that are all the same, and of one, the interval is a point")
  func constants() {
    for values in [[2.0], [2, 2, 2, 2, 2]] {
      #expect(
        BootstrapInterval.ofLocation(values, confidence: 0.95, seed: 1)
          == BootstrapInterval(lower: 2, upper: 2))
    }
    #expect(BootstrapInterval.ofLocation([], confidence: 0.95, seed: 1) == nil)
    #expect(BootstrapInterval.ofShift(from: [1], to: [], confidence: 0.95, seed: 1) == nil)
  }

  @Test("in some 95 of 100 samples the interval covers the true value")
  func coverage() throws {
    var generator = SplitMix64(seed: 11)
    var coveredCount = 0
    for trial in 0..<200 {
      // Normal by the quantile of a uniform one, about 10.
      let values = (0..<15).map { _ in
        10 + NormalDistribution.quantile(Double.random(in: 0.0001..<0.9999, using: &generator))
      }
      let interval = try #require(
        BootstrapInterval.ofLocation(values, confidence: 0.95, resampleCount: 200, seed: UInt64(trial)))
      if interval.lower <= 10, 10 <= interval.upper { coveredCount += 1 }
    }
    #expect((178...200).contains(coveredCount), "\(coveredCount) of 200")
  }
}
