/// The values of one metric and configuration on both sides, boot by boot.
enum SampleSet: Equatable, Sendable {
  /// Boots of A and B of the same repetition, one beside the other.
  case paired([Pair])
  /// Independent boots of A and of B.
  case independent(first: [Double], second: [Double])

  /// A boot of A and the one of B beside it.
  struct Pair: Equatable, Sendable {
    let first: Double
    let second: Double
  }

  /// A's values.
  var first: [Double] {
    switch self {
    case .paired(let pairs): pairs.map(\.first)
    case .independent(let first, _): first
    }
  }

  /// B's values.
  var second: [Double] {
    switch self {
    case .paired(let pairs): pairs.map(\.second)
    case .independent(_, let second): second
    }
  }

  /// The pairs; empty for independent boots.
  var pairs: [Pair] {
    switch self {
    case .paired(let pairs): pairs
    case .independent: []
    }
  }

  /// Whether pairs are compared.
  var isPaired: Bool {
    switch self {
    case .paired: true
    case .independent: false
    }
  }

  /// The same samples, each value changed by `change`.
  func mapValues(_ change: (Double) -> Double) -> SampleSet {
    switch self {
    case .paired(let pairs):
      .paired(pairs.map { Pair(first: change($0.first), second: change($0.second)) })
    case .independent(let first, let second):
      .independent(first: first.map(change), second: second.map(change))
    }
  }

  /// The Hodges-Lehmann estimate of the change from A to B; nil without samples.
  var shift: Double? {
    switch self {
    case .paired(let pairs): HodgesLehmann.location(of: pairs.map { $0.second - $0.first })
    case .independent(let first, let second): HodgesLehmann.shift(from: first, to: second)
    }
  }

  /// The interval of ``shift``: all changes that ``test`` would not reject.
  func interval(confidence: Double) -> ConfidenceInterval? {
    switch self {
    case .paired(let pairs):
      ConfidenceInterval.ofLocation(pairs.map { $0.second - $0.first }, confidence: confidence)
    case .independent(let first, let second):
      ConfidenceInterval.ofShift(from: first, to: second, confidence: confidence)
    }
  }

  /// The rank test of no change: Wilcoxon's for pairs, Mann and Whitney's else.
  var test: RankTest? {
    switch self {
    case .paired(let pairs): WilcoxonSignedRank.test(pairs.map { $0.second - $0.first })
    case .independent(let first, let second): MannWhitney.test(first, second)
    }
  }

  /// The smallest p that this number of boots can give.
  var smallestPValue: Double {
    switch self {
    case .paired(let pairs): WilcoxonSignedRank.smallestPValue(pairs.count)
    case .independent(let first, let second): MannWhitney.smallestPValue(first.count, second.count)
    }
  }
}
