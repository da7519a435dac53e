import HostSystem
import Testing

@testable import Bench

struct SequentialSignTestTests {
  @Test("the first look that rejects is that of a listing of all signs")
  func reference() throws {
    let cases = try SciPyReference.load().sequential
    #expect(cases.contains { $0.first != nil } && cases.contains { $0.first == nil })
    for sample in cases {
      let test = SequentialSignTest(
        significance: sample.significance, scale: sample.scale, halfSpentAfter: sample.halfSpentAfter)
      #expect(test.firstRejection(sample.differences) == sample.first, "\(sample.differences)")
      #expect(sample.spent <= sample.significance)
    }
  }

  @Test("coins are rejected at any look no more often than the significance, whatever the sizes")
  func falseAlarms() {
    var generator = SplitMix64(seed: 1)
    let test = SequentialSignTest(significance: 0.1, scale: 1, halfSpentAfter: 2)
    var rejected = 0
    for _ in 0..<400 {
      // Sizes that grow: noise that is not the same in all pairs.
      let differences = (1...20).map { place in
        (Bool.random(using: &generator) ? 1 : -1) * Double.random(in: 0...0.1, using: &generator)
          * Double(place)
      }
      if test.firstRejection(differences) != nil { rejected += 1 }
    }
    #expect((10...60).contains(rejected), "\(rejected) of 400")
  }

  @Test("the smallest number of pairs is that of differences with one sign")
  func fewestPairs() {
    for (significance, fewest) in [(0.1, 6), (0.005, 9), (0.001, 11)] {
      let test = SequentialSignTest(significance: significance, scale: 1, halfSpentAfter: 1)
      #expect(test.fewestPairs == fewest)
      #expect(test.firstRejection([Double](repeating: 5, count: 30)) == fewest)
      #expect(test.firstRejection([Double](repeating: -5, count: 30)) == nil)
    }
  }

  @Test("an empty sample, zeros and values that are not numbers reject nothing")
  func degenerate() {
    let test = SequentialSignTest(significance: 0.1, scale: 1, halfSpentAfter: 1)
    #expect(test.firstRejection([]) == nil)
    #expect(test.firstRejection([Double](repeating: 0, count: 20)) == nil)
    #expect(
      SequentialSignTest(significance: 0.1, scale: 0, halfSpentAfter: 1)
        .firstRejection([Double](repeating: 1, count: 20)) == nil)
    #expect(test.firstRejection([Double](repeating: .nan, count: 20)) == nil)
    #expect(test.firstRejection([Double](repeating: .infinity, count: 20)) == 6)
  }
}
