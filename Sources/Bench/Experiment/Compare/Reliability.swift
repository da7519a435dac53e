/// Whether B fails more often than A: boots without a row, with failed requests, with wrong data, or without any request.
struct Reliability: Codable, Equatable, Sendable {
  /// What was measured.
  let configuration: String
  /// Boots of A, failed ones included.
  let bootsA: Int
  let failedA: Int
  let bootsB: Int
  let failedB: Int
  /// The one-sided p of Fisher's exact test.
  let pValue: Double
  let verdict: Verdict

  /// The names in JSON.
  enum CodingKeys: String, CodingKey {
    case configuration, verdict
    case bootsA = "boots_a"
    case failedA = "failed_a"
    case bootsB = "boots_b"
    case failedB = "failed_b"
    case pValue = "p_fisher"
  }

  /// Boots of one configuration, and how many of them failed.
  struct Count: Equatable, Sendable {
    var boots = 0
    var failed = 0

    static func + (left: Count, right: Count) -> Count {
      Count(boots: left.boots + right.boots, failed: left.failed + right.failed)
    }

    /// Whether a larger share of these failed than of `other`.
    func failsMore(than other: Count) -> Bool { failed * other.boots > other.failed * boots }
  }

  /// The configurations in which a boot failed.
  ///
  /// B regressed where it fails more often than A, and does so in all configurations together as well or significantly in this one. A failed
  /// request is never noise, but rare failures that hit A in one configuration and B in another do not tell them apart.
  static func comparisons(_ counts: [(configuration: String, a: Count, b: Count)]) -> [Reliability] {
    let a = counts.reduce(Count()) { $0 + $1.a }
    let b = counts.reduce(Count()) { $0 + $1.b }
    return counts.filter { $0.a.failed + $0.b.failed > 0 }.map { title, first, second in
      let worse = FisherExact.probability(
        failedFirst: first.failed, of: first.boots, failedSecond: second.failed, of: second.boots)
      let better = FisherExact.probability(
        failedFirst: second.failed, of: second.boots, failedSecond: first.failed, of: first.boots)
      var verdict = Verdict.unchanged
      if second.failsMore(than: first), b.failsMore(than: a) || worse <= MetricComparison.significance {
        verdict = .regressed
      } else if better <= MetricComparison.significance {
        verdict = .improved
      } else if first.failed == first.boots || second.failed == second.boots {
        verdict = .inconclusive
      }
      return Reliability(
        configuration: title, bootsA: first.boots, failedA: first.failed, bootsB: second.boots,
        failedB: second.failed, pValue: worse, verdict: verdict)
    }
  }
}
