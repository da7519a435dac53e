import ArgumentParser
import Foundation
import HostSystem
import Testing

@testable import Bench

struct SequentialDesignTests {
  private let design = SequentialDesign(margin: 0.05, testCount: 1)

  /// Pairs about 100, of which B is `ratio` times A, with a noise of `noise`.
  private func pairs(_ count: Int, ratio: Double, noise: Double, seed: UInt64 = 1) -> [SampleSet.Pair] {
    let first = BootRows.rates(count, level: 100, noise: noise, seed: seed)
    let second = BootRows.rates(count, level: 100 * ratio, noise: noise, seed: seed &+ 1000)
    return zip(first, second).map { SampleSet.Pair(first: $0, second: $1) }
  }

  @Test("a change of the margin is found after few pairs, and the metric says whether it is good")
  func found() {
    let slower = design.outcome(pairs(30, ratio: 1.05, noise: 0.005), metric: .latencyP50)
    #expect(slower.verdict == .regressed)
    #expect(slower.pairCount == 9)
    #expect(design.outcome(pairs(30, ratio: 1.05, noise: 0.005), metric: .iops).verdict == .improved)
    #expect(design.outcome(pairs(30, ratio: 0.95, noise: 0.005), metric: .iops).verdict == .regressed)
  }

  @Test("equal sides are unchanged after few pairs, and so is a change below half of the margin")
  func unchanged() {
    for ratio in [1, 1.01, 0.99] {
      let outcome = design.outcome(pairs(30, ratio: ratio, noise: 0.005), metric: .iops)
      #expect(outcome.verdict == .unchanged, "\(ratio)")
      #expect(outcome.pairCount <= 9)
    }
  }

  @Test("noise beyond the margin takes more pairs, and too few of them come to no verdict")
  func noise() {
    let few = design.outcome(pairs(10, ratio: 1, noise: 0.3), metric: .iops)
    #expect(few.verdict == .inconclusive)
    #expect(few.pairCount == 10)
    #expect(design.outcome(pairs(5, ratio: 2, noise: 0.001), metric: .iops).verdict == .inconclusive)
    #expect(design.outcome([], metric: .iops).verdict == .inconclusive)
  }

  @Test("a verdict stands: later pairs do not change it, nor the pair after which it stood")
  func stands() {
    let early = pairs(12, ratio: 1.06, noise: 0.01)
    let late = early + pairs(20, ratio: 0.8, noise: 0.01, seed: 7)
    let first = design.outcome(early, metric: .latencyP50)
    let second = design.outcome(late, metric: .latencyP50)
    #expect(first.verdict == .regressed)
    #expect(second.verdict == first.verdict)
    #expect(second.pairCount == first.pairCount)
  }

  @Test("the interval holds the change, and excludes no change where pairs are too few")
  func interval() throws {
    let interval = try #require(
      design.outcome(pairs(20, ratio: 1.05, noise: 0.01), metric: .latencyP50).interval)
    #expect(interval.lower < 0.05 && interval.upper > 0.05)
    #expect(interval.lower > 0.02 && interval.upper < 0.08)
    #expect(interval.confidence == 0.99)
    #expect(design.outcome(pairs(8, ratio: 1.05, noise: 0.01), metric: .latencyP50).interval == nil)
  }

  @Test(
    "verdict and interval do not contradict each other, and the interval has the confidence of the verdict's tests"
  )
  func consistency() throws {
    var counts: [Verdict: Int] = [:]
    for seed in 1...60 {
      let ratio = [1, 1.02, 1.03, 0.95][seed % 4]
      let outcome = SequentialDesign(margin: 0.05, testCount: 5).outcome(
        pairs(60, ratio: ratio, noise: 0.03, seed: UInt64(seed)), metric: .latencyP50)
      counts[outcome.verdict, default: 0] += 1
      guard let interval = outcome.interval else { continue }
      let change = try #require(outcome.change)
      #expect(interval.lower <= change && change <= interval.upper)
      switch outcome.verdict {
      case .unchanged:
        #expect(interval.lower > 1 / 1.05 - 1 - 1e-9 && interval.upper < 0.05 + 1e-9)
        #expect(interval.confidence == 0.95)
      case .regressed, .improved:
        #expect(interval.lower > -1e-9 || interval.upper < 1e-9)
        #expect(interval.confidence == 1 - 0.01 / 5)
      case .inconclusive: #expect(interval.confidence == 1 - 0.01 / 5)
      }
    }
    #expect(counts[.unchanged] != nil && counts[.regressed] != nil && counts[.improved] != nil)
  }

  @Test(
    "many pairs without a verdict are judged up to a bound, in a time that grows little faster than their number"
  )
  func manyPairs() {
    let outcome = design.outcome(pairs(5000, ratio: 1, noise: 3, seed: 4), metric: .iops)
    #expect(outcome.pairCount <= SequentialDesign.mostPairs)
  }

  @Test("metrics that are zero are judged by their absolute floor, without an interval")
  func zeros() {
    let equal = [SampleSet.Pair](repeating: .init(first: 0, second: 0), count: 20)
    let outcome = design.outcome(equal, metric: .ioVMExitsPerIO)
    #expect(outcome.verdict == .unchanged)
    #expect(outcome.interval == nil)
    let more = [SampleSet.Pair](repeating: .init(first: 0, second: 1), count: 20)
    #expect(design.outcome(more, metric: .ioVMExitsPerIO).verdict == .regressed)
    let vanished =
      [SampleSet.Pair](repeating: .init(first: 100, second: 100), count: 6)
      + [SampleSet.Pair](repeating: .init(first: 100, second: 0), count: 14)
    #expect(design.outcome(vanished, metric: .iops).verdict == .regressed)
  }

  @Test("more tests need more pairs, and a budget below them is named before the boots")
  func tests() {
    #expect(design.fewestPairs == 9)
    #expect(design.warning(pairs: 9) == nil)
    let many = SequentialDesign(margin: 0.05, testCount: 60)
    #expect(many.fewestPairs == 14)
    #expect(many.warning(pairs: 12)?.contains("14 pairs are needed (--max-boots)") == true)
  }

  @Test("--confident is a share in percent within limits, and goes with pairs only")
  func options() throws {
    #expect(Percentage("5%")?.share == 0.05)
    for text in ["5", "%", "-1%", "0%", "x%", "nan%", "inf%"] { #expect(Percentage(text) == nil, "\(text)") }
    for arguments in [
      ["a.csv", "b.csv", "--confident", "200%"], ["a", "b", "--max-boots", "20"],
      ["a", "b", "--confident", "5%", "--repeat", "9"], ["a", "b", "--confident", "5%", "--max-boots", "5"],
      ["a.csv", "b.csv", "--paired", "--confident", "5%", "--calibration", "c.json"],
      ["a", "b", "--confident", "5%", "--max-boots", "1001"],
      ["--resume", "x", "--confident", "5%"], ["--baseline", "x", "--stored", "--confident", "5%"],
    ] {
      #expect(throws: (any Error).self, "\(arguments)") { try CompareCommand.parse(arguments) }
    }
    _ = try CompareCommand.parse(["a", "b", "--confident", "5%", "--max-boots", "30"])
  }

  @Test("a comparison by pairs says after how many each verdict stood, and counts all its tests")
  func comparison() throws {
    let noise = BootRows.rates(20, level: 1, noise: 0.01, seed: 3)
    let first = BootRows.rates(20, level: 1000, noise: 0.005, seed: 1)
    let second = zip(BootRows.rates(20, level: 940, noise: 0.005, seed: 2), noise).map(*)
    let comparison = try Comparison(
      Comparison.Request(
        titleA: "A", titleB: "B", bootsA: BootRows.boots(BootRows.rows(iops: zip(first, noise).map(*))),
        bootsB: BootRows.boots(BootRows.rows(iops: second)), metrics: [.iops, .latencyP50], isPaired: true,
        confidentMargin: 0.05))
    #expect(comparison.metrics.map(\.verdict) == [.regressed, .regressed])
    #expect(comparison.metrics.map(\.sequential?.pairCount) == [9, 9])
    #expect(comparison.exitCode == 2)
    let text = try comparison.text(.table)
    #expect(text.contains("decided after"))
    #expect(text.contains("false alarm in any of 2 test(s) is at most 1 %"))
    #expect(try comparison.text(.json).contains("\"pairs\" : 9"))
    for format in [ComparisonFormat.junit, .github] {
      let text = try comparison.text(format)
      #expect(
        text.contains("99.5 % sequential interval") || text.contains("99.5 %25 sequential interval"),
        "\(text)")
      #expect(text.contains("decided after 9 pairs"))
      #expect(!text.contains(", p "))
    }
  }
}
