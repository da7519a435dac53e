import Foundation
import HostSystem
import Testing

@testable import Bench

struct StepDetectionTests {
  private func noise(_ count: Int, seed: UInt64) -> [Double] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { _ in
      NormalDistribution.quantile(Double.random(in: 0.0001..<0.9999, using: &generator))
    }
  }

  @Test("a step is found where it is", arguments: [(20, 8), (30, 15), (40, 32)])
  func oneStep(count: Int, place: Int) throws {
    let values = noise(count, seed: 3).enumerated().map { 100 + $1 + ($0 < place ? 0 : 6) }
    #expect(StepDetection().steps(in: values) == [place])
  }

  @Test("two steps are found, also where the second takes back the first")
  func twoSteps() {
    let values = noise(36, seed: 5).enumerated().map { 100 + $1 + ((12..<24).contains($0) ? 8 : 0) }
    #expect(StepDetection().steps(in: values) == [12, 24])
  }

  @Test("an outlier, however large, is no step")
  func outlier() {
    var values = noise(30, seed: 7)
    values[13] = 1e9
    #expect(StepDetection().steps(in: values).isEmpty)
  }

  @Test("a series without a step shows one in about one of a hundred cases")
  func falseAlarms() {
    let detection = StepDetection(permutationCount: 300)
    let alarms = (0..<200).count { !detection.steps(in: noise(16, seed: UInt64($0 + 1000))).isEmpty }
    // Of a binomial distribution with 200 trials of 0.01, more than 8 are less likely than one in a thousand.
    #expect(alarms <= 8, "\(alarms) of 200")
  }

  @Test("what is found depends on the series alone, not on the series before it")
  func repeatable() {
    let series = (0..<30).map { seed in noise(24, seed: seed).enumerated().map { $1 + ($0 < 12 ? 0 : 2) } }
    let found = series.map { StepDetection().steps(in: $0) }
    #expect(series.reversed().map { StepDetection().steps(in: $0) } == found.reversed())
    #expect(found.count { $0.count == 1 } > 15)
    // Ties make other ranks, and so another penalty.
    let tied = series.map { $0.map { $0.rounded() } }
    #expect(tied.map { StepDetection().steps(in: $0) } == tied.map { StepDetection().steps(in: $0) })
  }

  @Test("hundreds of series of a hundred points take no longer than a few")
  func manySeries() {
    let series = noise(100, seed: 9)
    let start = ContinuousClock.now
    for index in 0..<200 {
      let values = series.enumerated().map { $1 + Double(($0 * (index + 7)) % 13) / 100 }
      _ = StepDetection().steps(in: values)
    }
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test("constants and series too short for two levels have no step")
  func degenerate() {
    #expect(StepDetection().steps(in: []).isEmpty)
    #expect(StepDetection().steps(in: [1, 1, 9, 9, 9]).isEmpty)
    #expect(StepDetection().steps(in: [Double](repeating: 4, count: 50)).isEmpty)
  }
}
