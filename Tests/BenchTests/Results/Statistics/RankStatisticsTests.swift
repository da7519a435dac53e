import Foundation
import HostSystem
import Testing

@testable import Bench

struct RankStatisticsTests {
  private let reference: SciPyReference

  init() throws { reference = try SciPyReference.load() }

  @Test("the reference holds ties, tiny samples, constants and zeros")
  func coverage() {
    let names = Set(reference.cases.map(\.name))
    #expect(names.isSuperset(of: ["ties", "one each", "constant", "constants that differ", "zeros"]))
    #expect(reference.cases.contains { $0.mannWhitney.exact != nil })
    #expect(reference.cases.contains { $0.wilcoxon?.exact != nil })
  }

  @Test("ranks and robust deviation are SciPy's")
  func ranks() {
    for sample in reference.cases {
      let values = sample.first + sample.second
      #expect(MidRanks(values).ranks == sample.ranks, "\(sample.name)")
      #expect(isClose(RobustScale.deviation(of: values), sample.deviation), "\(sample.name)")
    }
  }

  @Test("the Hodges-Lehmann shift and location are the medians of all differences and means")
  func shifts() {
    for sample in reference.cases {
      #expect(
        isClose(HodgesLehmann.shift(from: sample.first, to: sample.second), sample.shift), "\(sample.name)")
      if let location = sample.location, let differences = sample.differences {
        #expect(isClose(HodgesLehmann.location(of: differences), location), "\(sample.name)")
      }
    }
    #expect(HodgesLehmann.shift(from: [], to: [1]) == nil)
    #expect(HodgesLehmann.location(of: []) == nil)
  }

  @Test("Mann-Whitney's U and p are SciPy's, exact with ties too and normal for large samples")
  func mannWhitney() throws {
    for sample in reference.cases {
      let test = try #require(MannWhitney.test(sample.first, sample.second))
      #expect(test.statistic == sample.mannWhitney.statistic, "\(sample.name)")
      let expected = sample.mannWhitney.exact ?? sample.mannWhitney.normal ?? 1
      #expect(isClose(test.pValue, expected), "\(sample.name): \(test.pValue), \(expected)")
      #expect(test.method == (sample.mannWhitney.exact == nil ? .normal : .exact), "\(sample.name)")
    }
    #expect(MannWhitney.test([], [1]) == nil)
  }

  @Test("Wilcoxon's sum and p are SciPy's, exact with ties too and normal for large samples")
  func wilcoxon() throws {
    for sample in reference.cases {
      guard let expected = sample.wilcoxon, let differences = sample.differences else { continue }
      let test = try #require(WilcoxonSignedRank.test(differences))
      #expect(test.statistic == expected.statistic, "\(sample.name)")
      #expect(isClose(test.pValue, expected.exact ?? expected.normal ?? 1), "\(sample.name): \(test.pValue)")
      #expect(test.method == (expected.exact == nil ? .normal : .exact), "\(sample.name)")
    }
    #expect(WilcoxonSignedRank.test([]) == nil)
  }

  /// The two-sided p of the first of `statistics` among all others, which are those of all arrangements.
  private func exact(_ statistics: [Double]) -> Double {
    let (own, all) = (statistics[0], statistics.dropFirst())
    let (below, above) = (all.count { $0 <= own }, all.count { $0 >= own })
    return min(1, 2 * Double(min(below, above)) / Double(all.count))
  }

  @Test("with ties, p is that of all arrangements of the ranks, and never below the smallest possible")
  func ties() throws {
    var generator = SplitMix64(seed: 11)
    for (first, second) in [(4, 4), (3, 7), (7, 3), (5, 6), (1, 8)] {
      for _ in 0..<10 {
        let values = (0..<first + second).map { _ in Double(Int.random(in: 0..<4, using: &generator)) }
        let ranks = MidRanks(values).ranks
        let total = first + second
        // The sample itself comes first.
        let masks = [(1 << first) - 1] + (0..<1 << total).filter { $0.nonzeroBitCount == first }
        let sums = masks.map { mask in
          (0..<total).reduce(0.0) { mask >> $1 & 1 == 1 ? $0 + ranks[$1] : $0 }
        }
        let test = try #require(MannWhitney.test(Array(values[..<first]), Array(values[first...])))
        let expected = exact(sums)
        #expect(isClose(test.pValue, expected), "\(values): \(test.pValue), \(expected)")
        #expect(test.pValue >= MannWhitney.smallestPValue(first, second) * (1 - 1e-12))
      }
    }
    for count in 1...10 {
      for _ in 0..<5 {
        let values = (0..<count).map { _ in Double(Int.random(in: -3...3, using: &generator)) }
        let nonzero = values.filter { $0 != 0 }
        let ranks = MidRanks(nonzero.map(abs)).ranks
        func sum(_ mask: Int) -> Double {
          ranks.indices.reduce(0.0) { mask >> $1 & 1 == 1 ? $0 + ranks[$1] : $0 }
        }
        let own = nonzero.indices.reduce(0) { nonzero[$1] > 0 ? $0 | 1 << $1 : $0 }
        let expected = exact([sum(own)] + (0..<1 << nonzero.count).map(sum))
        let test = try #require(WilcoxonSignedRank.test(values))
        #expect(isClose(test.pValue, expected), "\(values): \(test.pValue), \(expected)")
        #expect(test.pValue >= WilcoxonSignedRank.smallestPValue(count))
      }
    }
    #expect(
      isClose(
        MannWhitney.test([3.013, 3.013, 3.013, 3.013], [3.485, 3.485, 3.485, 3.485])?.pValue, 2.0 / 70))
    #expect(isClose(WilcoxonSignedRank.test([Double](repeating: 0.5, count: 6))?.pValue, 2.0 / 64))
  }

  @Test("the smallest p is that of samples which do not overlap")
  func smallestPValues() {
    for (first, second) in [(1, 1), (2, 3), (4, 4), (6, 9)] {
      let test = MannWhitney.test((0..<first).map(Double.init), (0..<second).map { Double($0 + 100) })
      #expect(isClose(test?.pValue, MannWhitney.smallestPValue(first, second)), "\(first), \(second)")
    }
    for count in 1...10 {
      let test = WilcoxonSignedRank.test((1...count).map(Double.init))
      #expect(isClose(test?.pValue, WilcoxonSignedRank.smallestPValue(count)), "\(count)")
    }
  }

  @Test("the normal distribution is SciPy's, in the tails too")
  func normalDistribution() {
    for value in reference.normal {
      let cumulative = NormalDistribution.cumulative(value.z)
      #expect(abs(cumulative - value.cumulative) <= 1e-12 * value.cumulative, "\(value.z)")
      #expect(
        abs(NormalDistribution.twoSided(value.z) - value.twoSided) <= 1e-12 * value.twoSided, "\(value.z)")
    }
    for value in reference.quantiles {
      #expect(isClose(NormalDistribution.quantile(value.probability), value.quantile), "\(value.probability)")
    }
    #expect(NormalDistribution.quantile(0) == -.infinity)
    #expect(NormalDistribution.quantile(1) == .infinity)
  }

  @Test("Holm's correction keeps the order and never makes a p smaller")
  func holm() {
    for family in reference.holm {
      let adjusted = Holm.adjusted(family.p)
      #expect(adjusted.count == family.adjusted.count)
      #expect(zip(adjusted, family.adjusted).allSatisfy { isClose($0, $1, tolerance: 1e-15) }, "\(family.p)")
    }
  }

  @Test("a median is selected as sorting would find it")
  func median() {
    var generator = SplitMix64(seed: 5)
    for count in 1...40 {
      // Few distinct values: ties are what selection gets wrong.
      let values = (0..<count).map { _ in Double(Int.random(in: 0..<8, using: &generator)) }
      let sorted = values.sorted()
      let expected = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
      #expect(values.median == expected, "\(values)")
    }
    #expect([Double]().median == nil)
  }
}
