/// The verdict on a metric.
enum Verdict: String, Codable, Sendable, CaseIterable {
  /// Worse: significant, and by more than the floor.
  case regressed
  /// Better: significant, and by more than the floor.
  case improved
  /// The whole interval of the change lies within the floor: shown to be the same, not merely not shown to differ.
  case unchanged
  /// Anything else. More boots or a quieter host may give a verdict.
  case inconclusive

  /// The exit code of a command with `verdicts`.
  static func exitCode(of verdicts: some Sequence<Verdict>) -> Int32 {
    let found = Set(verdicts)
    if found.contains(.regressed) { return 2 }
    return found.contains(.inconclusive) ? 6 : 0
  }
}
