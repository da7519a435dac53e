import HostSystem
import Synchronization

/// Finds lasting changes of the level of a series.
///
/// Optimal partitioning (Jackson et al., 2005) of the series' ranks: among all ways to cut the series, the one with the least sum
/// of squares within its segments and a penalty for each cut. It uses ranks because benchmark results have outliers and no known
/// distribution. Unlike E-divisive with a permutation test for each cut, it optimizes all cuts together without recursion, and a single
/// outlier is too short to be a segment. The search is quadratic in the number of points, which are hundreds at most.
///
/// The penalty is the quantile 1 - `falseAlarmRate` of the gain of the best single cut in random orders of the same number of ranks. So a
/// series without a step shows one in about that share of cases, whatever its distribution. It is computed once for all series of the same
/// ranks, which are those of the same number of points unless values are equal.
struct StepDetection: Hashable, Sendable {
  /// The share of series without a step in which one is found.
  var falseAlarmRate = 0.01
  /// The smallest number of points of a segment.
  var shortestSegment = 3
  /// The number of random orders that the penalty is computed from.
  var permutationCount = 2000
  /// The seed of the random orders.
  var seed: UInt64 = 1

  /// The indices at which a new segment of `values` begins, ascending.
  func steps(in values: [Double]) -> [Int] {
    guard values.count >= 2 * shortestSegment else { return [] }
    let ranks = MidRanks(values).ranks
    guard let first = ranks.first, ranks.contains(where: { $0 != first }) else { return [] }
    return refined(cuts(of: ranks, penalty: penalty(ranks)), values: values)
  }

  /// Moves each cut to the place that minimizes the distances of the values from the medians of both sides.
  ///
  /// This is needed because ranks are biased about the place of a step: the largest value of a long segment has a rank near those of a
  /// short segment behind it.
  private func refined(_ cuts: [Int], values: [Double]) -> [Int] {
    var refined = cuts
    for place in cuts.indices {
      let start = place == 0 ? 0 : refined[place - 1]
      let end = place + 1 < cuts.count ? cuts[place + 1] : values.count
      var least = Double.infinity
      for cut in stride(from: start + shortestSegment, through: end - shortestSegment, by: 1) {
        let distance = Self.distance(values[start..<cut]) + Self.distance(values[cut..<end])
        if distance < least { (least, refined[place]) = (distance, cut) }
      }
    }
    return refined
  }

  /// The sum of the distances from the median.
  private static func distance(_ values: ArraySlice<Double>) -> Double {
    guard let centre = Array(values).median else { return 0 }
    return values.reduce(0) { $0 + abs($1 - centre) }
  }

  /// The best partition by dynamic programming: `best[end]` is the least cost of the first `end` points.
  private func cuts(of ranks: [Double], penalty: Double) -> [Int] {
    let sums = PrefixSums(ranks)
    var best = [-penalty]
    var lastCut = [0]
    for end in 1...ranks.count {
      var (least, cut) = (Double.infinity, 0)
      for start in stride(from: 0, through: end - shortestSegment, by: 1) where best[start].isFinite {
        let cost = best[start] + penalty + sums.squares(from: start, to: end)
        if cost < least { (least, cut) = (cost, start) }
      }
      best.append(least)
      lastCut.append(cut)
    }
    var cuts: [Int] = []
    var end = ranks.count
    while lastCut[end] > 0 {
      end = lastCut[end]
      cuts.append(end)
    }
    return cuts.reversed()
  }

  /// What a penalty depends on.
  private struct PenaltyKey: Hashable {
    let detection: StepDetection
    let sortedRanks: [Double]
  }

  /// The penalties so far: a history has thousands of series, and few numbers of points.
  private static let penalties = Mutex<[PenaltyKey: Double]>([:])

  private func penalty(_ ranks: [Double]) -> Double {
    let key = PenaltyKey(detection: self, sortedRanks: ranks.sorted())
    if let known = Self.penalties.withLock({ $0[key] }) { return known }
    let penalty = quantileOfGains(key.sortedRanks)
    Self.penalties.withLock { $0[key] = penalty }
    return penalty
  }

  /// The quantile 1 - ``falseAlarmRate`` of the gain of the best cut in a random order of `ranks`.
  private func quantileOfGains(_ ranks: [Double]) -> Double {
    var generator = SplitMix64(seed: seed)
    var order = ranks
    var gains: [Double] = []
    for _ in 0..<permutationCount {
      order.shuffle(using: &generator)
      let sums = PrefixSums(order)
      let whole = sums.squares(from: 0, to: order.count)
      var gain = 0.0
      for cut in shortestSegment...(order.count - shortestSegment) {
        gain = max(gain, whole - sums.squares(from: 0, to: cut) - sums.squares(from: cut, to: order.count))
      }
      gains.append(gain)
    }
    gains.sort()
    let place = Int((Double(gains.count) * (1 - falseAlarmRate)).rounded(.up)) - 1
    return gains[min(max(place, 0), gains.count - 1)]
  }

  /// Computes the sum of squares about the mean of any part of a series in constant time.
  private struct PrefixSums {
    private var sums = [0.0]
    private var squareSums = [0.0]

    init(_ values: [Double]) {
      for value in values {
        sums.append(sums[sums.count - 1] + value)
        squareSums.append(squareSums[squareSums.count - 1] + value * value)
      }
    }

    func squares(from start: Int, to end: Int) -> Double {
      let sum = sums[end] - sums[start]
      return squareSums[end] - squareSums[start] - sum * sum / Double(end - start)
    }
  }
}
