/// The boots that left no row, found by what one file has and the other lacks.
///
/// A boot that fails leaves no row, so that it would make its side smaller instead of worse.
struct MissingBoots {
  /// Sentences about repetitions after the last one of B, which may have failed or never been planned.
  private(set) var unexplained: [String] = []
  private(set) var notes: [String] = []
  private var failedA: [ConfigurationKey: Int] = [:]
  private var failedB: [ConfigurationKey: Int] = [:]

  /// Compares the repetitions of both sides in `configurations`.
  ///
  /// A repetition that the other side has is a failed boot where this side has later ones, in any configuration. One after those is
  /// unexplained, unless the whole configuration is missing.
  init(
    _ configurations: [(key: ConfigurationKey, title: String)], _ a: [ConfigurationKey: [BootSample]],
    _ b: [ConfigurationKey: [BootSample]]
  ) {
    guard !configurations.isEmpty else { return }
    let (lastA, lastB) = (Self.last(a), Self.last(b))
    for (key, title) in configurations {
      let inA = Set((a[key] ?? []).map(\.repetition))
      let inB = Set((b[key] ?? []).map(\.repetition))
      failedA[key] = inB.subtracting(inA).count { $0 < lastA }
      let lacking = inA.subtracting(inB)
      let failed = inB.isEmpty ? lacking.count : lacking.count { $0 <= lastB }
      failedB[key] = failed
      let later = lacking.filter { $0 > lastB }
      if !inB.isEmpty, let first = later.min(), let last = later.max() {
        unexplained.append("\(title) repetitions \(first) .. \(last)")
      }
    }
    let (countA, countB) = (failedA.values.reduce(0, +), failedB.values.reduce(0, +))
    if countA + countB > 0 {
      notes.append(
        "repetitions of one file that the other lacks count as failed boots: \(countA) of A, \(countB) of B")
    }
    if !unexplained.isEmpty {
      notes.append(
        "B ENDS BEFORE A: boots that failed leave no row, and the files do not say whether these were planned: compare the folders' "
          + "files beside their plan.json, or the same number of boots")
    }
  }

  /// The failed boots of A in a configuration.
  func a(_ key: ConfigurationKey) -> Reliability.Count { Self.count(failedA[key] ?? 0) }

  /// The failed boots of B in a configuration.
  func b(_ key: ConfigurationKey) -> Reliability.Count { Self.count(failedB[key] ?? 0) }

  private static func count(_ failed: Int) -> Reliability.Count {
    Reliability.Count(boots: failed, failed: failed)
  }

  private static func last(_ boots: [ConfigurationKey: [BootSample]]) -> Int {
    boots.values.joined().map(\.repetition).max() ?? 0
  }
}
