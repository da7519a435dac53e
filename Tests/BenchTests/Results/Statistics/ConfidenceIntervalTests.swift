import Foundation
import HostSystem
import Testing

@testable import Bench

struct ConfidenceIntervalTests {
  @Test("intervals are what SciPy's exact tests do not reject")
  func sciPy() throws {
    var comparedCount = 0
    for sample in try SciPyReference.load().cases {
      if let expected = sample.locationInterval, let differences = sample.differences {
        try check(.ofLocation(differences, confidence: 0.95), expected, sample.name)
        comparedCount += 1
      }
      if let expected = sample.shiftInterval {
        try check(.ofShift(from: sample.first, to: sample.second, confidence: 0.95), expected, sample.name)
        comparedCount += 1
      }
    }
    #expect(comparedCount == 10)
  }

  private func check(_ interval: ConfidenceInterval?, _ expected: [Double], _ name: String) throws {
    let interval = try #require(interval)
    #expect(isClose(interval.lower, expected[0]), "\(name): \(interval), \(expected)")
    #expect(isClose(interval.upper, expected[1]), "\(name): \(interval), \(expected)")
    #expect(interval.confidence == 0.95)
  }

  @Test("of values that are all the same, and of one, the interval is a point")
  func constants() {
    #expect(
      ConfidenceInterval.ofLocation([2, 2, 2, 2, 2, 2], confidence: 0.95)
        == ConfidenceInterval(lower: 2, upper: 2, confidence: 0.95))
    let single = ConfidenceInterval.ofLocation([2], confidence: 0.95)
    #expect(single?.lower == 2 && single?.upper == 2 && single?.confidence == 0)
    #expect(ConfidenceInterval.ofLocation([], confidence: 0.95) == nil)
    #expect(ConfidenceInterval.ofShift(from: [1], to: [], confidence: 0.95) == nil)
  }

  @Test("values too few for 95 % have their widest interval, with the share that it holds")
  func fewValues() throws {
    let interval = try #require(ConfidenceInterval.ofLocation([1, 2, 3, 4, 5], confidence: 0.95))
    #expect(interval == ConfidenceInterval(lower: 1, upper: 5, confidence: 1 - 2.0 / 32))
  }

  @Test(
    "in 95 of 100 samples at least the interval covers the true value, whatever the shape and however few the values",
    arguments: [6, 8, 12, 30])
  func coverage(count: Int) throws {
    var generator = SplitMix64(seed: UInt64(count))
    var coveredCount = 0
    for _ in 0..<1000 {
      // Two in ten boots are ten times as far off as the others: hosts are like that.
      let values = (0..<count).map { _ in
        let value = NormalDistribution.quantile(Double.random(in: 0.0001..<0.9999, using: &generator))
        return 10 + (Double.random(in: 0..<1, using: &generator) < 0.2 ? 10 * value : value)
      }
      let interval = try #require(ConfidenceInterval.ofLocation(values, confidence: 0.95))
      if interval.lower <= 10, 10 <= interval.upper { coveredCount += 1 }
    }
    // Three standard errors of a share of 1,000 below 0.95.
    #expect(coveredCount >= 929, "\(coveredCount) of 1000")
  }

  @Test("an interval leaves out 0 exactly where the test rejects no change")
  func agreement() throws {
    var generator = SplitMix64(seed: 3)
    for count in 6...20 {
      let values = (0..<count).map { _ in Double.random(in: -1..<1.6, using: &generator) }
      let interval = try #require(ConfidenceInterval.ofLocation(values, confidence: 0.95))
      let test = try #require(WilcoxonSignedRank.test(values))
      #expect((test.pValue <= 0.05) == (interval.lower > 0 || interval.upper < 0), "\(values)")
      let others = (0..<count).map { _ in Double.random(in: -1..<1, using: &generator) }
      let shift = try #require(ConfidenceInterval.ofShift(from: others, to: values, confidence: 0.95))
      let independent = try #require(MannWhitney.test(others, values))
      #expect((independent.pValue <= 0.05) == (shift.lower > 0 || shift.upper < 0), "\(values), \(others)")
    }
  }

  @Test("order statistics of pairs are those of the sorted list of all pairs")
  func selection() {
    var generator = SplitMix64(seed: 9)
    for count in 1...12 {
      // Few distinct values: ties are what counting gets wrong. Negative ones, and 0 from both sides.
      let first = (0..<count).map { _ in Double(Int.random(in: -3...3, using: &generator)) / 4 }
      let second = (0..<(count + 2)).map { _ in Double(Int.random(in: -3...3, using: &generator)) / 4 }
      let averages = first.indices.flatMap { i in first[i...].map { (first[i] + $0) / 2 } }.sorted()
      let differences = second.flatMap { value in first.map { value - $0 } }.sorted()
      let walsh = WalshAverages(first)
      let pairs = PairwiseDifferences(from: first, to: second)
      #expect((1...averages.count).map(walsh.value(ofRank:)) == averages)
      #expect((1...differences.count).map(pairs.value(ofRank:)) == differences)
    }
  }

  @Test("Fisher's p is that of the hypergeometric distribution")
  func fisher() {
    // By hand: of C(40, 10) ways to place ten failures, C(20, 10) have all of them on the second side.
    #expect(
      isClose(
        FisherExact.probability(failedFirst: 0, of: 20, failedSecond: 10, of: 20), 184_756.0 / 847_660_528))
    #expect(isClose(FisherExact.probability(failedFirst: 1, of: 2, failedSecond: 1, of: 2), 5.0 / 6))
    #expect(FisherExact.probability(failedFirst: 0, of: 5, failedSecond: 0, of: 5) == 1)
  }
}
