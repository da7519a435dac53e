/// A confidence interval by bootstrap: bias-corrected and accelerated (BCa; Efron, "Better bootstrap confidence
/// intervals", 1987), which is right for skewed samples where the plain percentile interval is not.
struct BootstrapInterval: Equatable, Codable, Sendable {
  /// The lower end.
  let lower: Double
  /// The upper end.
  let upper: Double

  /// Resamples drawn unless said otherwise: the ends are then stable to a few percent of the interval's length.
  static let defaultResampleCount = 2000

  /// The interval of the Hodges-Lehmann location of `values`; nil if there is none.
  static func ofLocation(
    _ values: [Double], confidence: Double, resampleCount: Int = defaultResampleCount, seed: UInt64
  ) -> BootstrapInterval? {
    interval(of: [values], confidence: confidence, resampleCount: resampleCount, seed: seed) {
      HodgesLehmann.location(of: $0[0])
    }
  }

  /// The interval of the Hodges-Lehmann shift from `first` to `second`; nil if one is empty.
  static func ofShift(
    from first: [Double], to second: [Double], confidence: Double, resampleCount: Int = defaultResampleCount,
    seed: UInt64
  ) -> BootstrapInterval? {
    interval(of: [first, second], confidence: confidence, resampleCount: resampleCount, seed: seed) {
      HodgesLehmann.shift(from: $0[0], to: $0[1])
    }
  }

  /// The interval of `estimate` over independent samples; the same for the same `seed`.
  private static func interval(
    of samples: [[Double]], confidence: Double, resampleCount: Int, seed: UInt64,
    estimate: ([[Double]]) -> Double?
  ) -> BootstrapInterval? {
    guard let centre = estimate(samples) else { return nil }
    var generator = SplitMix64(seed: seed)
    var replicates: [Double] = []
    for _ in 0..<resampleCount {
      let resampled = samples.map { sample in
        sample.map { _ in sample[Int.random(in: sample.indices, using: &generator)] }
      }
      if let replicate = estimate(resampled) { replicates.append(replicate) }
    }
    replicates.sort()
    let levels = correctedLevels(
      replicates: replicates, centre: centre, acceleration: acceleration(of: samples, estimate: estimate),
      tail: (1 - confidence) / 2)
    return BootstrapInterval(
      lower: quantile(levels.lower, ofSorted: replicates), upper: quantile(levels.upper, ofSorted: replicates)
    )
  }

  /// Which quantiles of the replicates are the interval's ends: those of the plain percentile interval, moved by the bias of
  /// the replicates and by how much the estimate's spread changes with its value.
  private static func correctedLevels(
    replicates: [Double], centre: Double, acceleration: Double, tail: Double
  ) -> (lower: Double, upper: Double) {
    let below = Double(replicates.count { $0 < centre }) + Double(replicates.count { $0 == centre }) / 2
    let bias = NormalDistribution.quantile(below / Double(replicates.count))
    // All replicates on one side: there is no bias to be told, as with samples of a single value.
    guard bias.isFinite else { return (tail, 1 - tail) }
    func corrected(_ level: Double) -> Double {
      let moved = bias + NormalDistribution.quantile(level)
      return NormalDistribution.cumulative(bias + moved / (1 - acceleration * moved))
    }
    return (corrected(tail), corrected(1 - tail))
  }

  /// The acceleration, from the estimates without each of the values in turn.
  private static func acceleration(of samples: [[Double]], estimate: ([[Double]]) -> Double?) -> Double {
    var (cubes, squares) = (0.0, 0.0)
    for (index, sample) in samples.enumerated() where sample.count > 1 {
      let count = Double(sample.count)
      let estimates = sample.indices.compactMap { left -> Double? in
        var reduced = samples
        reduced[index].remove(at: left)
        return estimate(reduced)
      }
      let mean = estimates.reduce(0, +) / count
      for value in estimates {
        let influence = (count - 1) * (mean - value)
        cubes += influence * influence * influence / (count * count * count)
        squares += influence * influence / (count * count)
      }
    }
    return squares > 0 ? cubes / (6 * squares * squares.squareRoot()) : 0
  }

  /// The quantile `level` of `values`, which are sorted, by linear interpolation between neighbours.
  private static func quantile(_ level: Double, ofSorted values: [Double]) -> Double {
    let place = min(max(level, 0), 1) * Double(values.count - 1)
    let index = min(Int(place), values.count - 1)
    let next = min(index + 1, values.count - 1)
    return values[index] + (place - Double(index)) * (values[next] - values[index])
  }
}
