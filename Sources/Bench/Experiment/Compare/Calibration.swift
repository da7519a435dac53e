import Foundation

/// The noise of a host, as comparisons of a bench with itself show it. `bench calibrate` writes it, `bench compare` reads it.
struct Calibration: Codable, Equatable, Sendable {
  /// Version of this file; others are not read.
  static let currentFormatVersion = 1

  var formatVersion = Self.currentFormatVersion
  var host: HostIdentity
  /// The scenario's name.
  var scenario: String
  /// Fingerprint of what the scenario boots. Each has a file of its own.
  var scenarioFingerprint: String
  var createdAt: String
  var gitRevision: String
  /// Pairs of boots for each configuration.
  var pairCount: Int
  var entries: [Entry]

  /// What `bench doctor` found at that time that spoils results; nil in files of earlier versions.
  var doctor: [String]?

  /// The noise of one metric in one configuration.
  struct Entry: Codable, Equatable, Sendable {
    var configuration: ConfigurationKey
    var metric: Metric
    var median: Double
    /// Standard deviation of the logarithm of B by A, of boots side by side; robust.
    var pairNoise: Double
    /// Standard deviation of the logarithm of a boot; robust.
    var bootNoise: Double
    /// The estimated change between equal sides, and its interval.
    var shift: Double
    var interval: ConfidenceInterval
    /// The floor for that number of pairs.
    var relativeFloor: Double
    /// The number of pairs of boots that finds a change of 5 % in 95 % of cases.
    var pairsForFivePercent: Int
    /// False where a change of 5 % takes more than ``mostPairs``; nil in files of earlier versions.
    var usable: Bool?

    /// A comparison of more pairs than this takes too long.
    static let mostPairs = 100

    /// Whether a verdict may rest on this noise.
    var isUsable: Bool { usable != false && pairsForFivePercent <= Self.mostPairs }

    enum CodingKeys: String, CodingKey {
      case configuration, metric, median, shift, interval, usable
      case pairNoise = "pair_noise"
      case bootNoise = "boot_noise"
      case relativeFloor = "relative_floor"
      case pairsForFivePercent = "pairs_for_5_percent"
    }
  }

  enum CodingKeys: String, CodingKey {
    case host, scenario, entries, doctor
    case formatVersion = "format_version"
    case scenarioFingerprint = "scenario_fingerprint"
    case createdAt = "created_at"
    case gitRevision = "git_revision"
    case pairCount = "pairs"
  }
}

extension Calibration.Entry {
  /// The Hodges-Lehmann estimate's standard error over a mean's, for a normal distribution: sqrt(pi / 3).
  private static let efficiency = (Double.pi / 3).squareRoot()

  /// The noise of `pairs` of equal sides; nil where a value is 0, which has no logarithm, and without pairs.
  init?(configuration: ConfigurationKey, metric: Metric, pairs: [SampleSet.Pair]) {
    let values = pairs.flatMap { [$0.first, $0.second] }
    guard values.allSatisfy({ $0 > 0 }), let median = values.median else { return nil }
    let ratios = pairs.map { log($0.second / $0.first) }
    guard let shift = HodgesLehmann.location(of: ratios),
      let interval = ConfidenceInterval.ofLocation(
        ratios, confidence: 1 - MetricComparison.significance)
    else { return nil }
    self.configuration = configuration
    self.metric = metric
    self.median = median
    pairNoise = RobustScale.deviation(of: ratios)
    bootNoise = RobustScale.deviation(of: values.map { log($0) })
    self.shift = shift
    self.interval = interval
    relativeFloor =
      NoiseFloor(
        metric: metric, standardError: Self.efficiency * pairNoise / Double(pairs.count).squareRoot()
      )
      .relative
    // What takes 5 % longer is done at a rate that is lower by 4.8 %: the smaller of the two changes.
    pairsForFivePercent = Self.pairs(forChange: 1 - 1 / 1.05, noise: pairNoise)
    usable = pairsForFivePercent <= Self.mostPairs
  }

  /// The floor for `bootsA` pairs, or for `bootsA` and `bootsB` independent boots.
  func floor(bootsA: Int, bootsB: Int, isPaired: Bool) -> NoiseFloor {
    let variance =
      isPaired
      ? pairNoise * pairNoise / Double(max(1, bootsA))
      : bootNoise * bootNoise * (1 / Double(max(1, bootsA)) + 1 / Double(max(1, bootsB)))
    return NoiseFloor(metric: metric, standardError: Self.efficiency * variance.squareRoot())
  }

  /// The number of pairs that finds `change` in 95 % of cases: the estimate exceeds the floor of four standard errors by 1.645 more,
  /// and the rank test can be significant after correction for five tests.
  private static func pairs(forChange change: Double, noise: Double) -> Int {
    let needed = (4 + 1.645) * efficiency * noise / change
    var least = 1
    while WilcoxonSignedRank.smallestPValue(least) > MetricComparison.significance / 5 { least += 1 }
    return max(least, Int(min(needed * needed, 1e6).rounded(.up)))
  }
}

/// A standard deviation that tolerates outliers.
enum RobustScale {
  /// The standard deviation of a normal distribution by its median absolute deviation: 1 / quantile(3/4).
  private static let normalFactor = 1.482_602_218_505_602

  /// The standard deviation of `values`, estimated by the median absolute deviation; 0 for fewer than two.
  static func deviation(of values: [Double]) -> Double {
    guard values.count > 1, let centre = values.median else { return 0 }
    return normalFactor * (values.map { abs($0 - centre) }.median ?? 0)
  }
}
