import Foundation

/// Fisher's exact test: whether failures are more frequent on one side (Fisher, "The logic of inductive inference", 1935).
enum FisherExact {
  /// The one-sided p: how likely the second side has at least `failedSecond` of all failures if both fail equally often.
  ///
  /// - Parameters:
  ///   - failedFirst: Failures among the `first` trials of one side.
  ///   - failedSecond: Failures among the `second` trials of the other.
  static func probability(failedFirst: Int, of first: Int, failedSecond: Int, of second: Int) -> Double {
    let failed = failedFirst + failedSecond
    let total = first + second
    guard failed > 0, failedSecond > 0, failedFirst <= first, failedSecond <= second else { return 1 }
    let all = logChoose(total, failed)
    let sum = (failedSecond...min(failed, second)).reduce(0.0) { sum, count in
      failed - count > first
        ? sum : sum + exp(logChoose(second, count) + logChoose(first, failed - count) - all)
    }
    return min(1, sum)
  }

  /// The logarithm of the number of ways to choose `count` of `total`.
  private static func logChoose(_ total: Int, _ count: Int) -> Double {
    lgamma(Double(total) + 1) - lgamma(Double(count) + 1) - lgamma(Double(total - count) + 1)
  }
}
