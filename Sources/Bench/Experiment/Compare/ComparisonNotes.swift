import Foundation

/// The notes below a comparison, a sentence each.
enum ComparisonNotes {
  /// The number of changes without a verdict that are listed.
  private static let mostListed = 8

  /// Notes on floors, on too few boots, and on large changes without a verdict.
  static func verdicts(_ metrics: [MetricComparison], isPaired: Bool) -> [String] {
    var notes: [String] = []
    if metrics.contains(where: { $0.floor.source == .standard }) {
      notes.append(
        "floors marked * are defaults: bench calibrate measures those of this host and these configurations")
    }
    if metrics.contains(where: { $0.floor.source == .capped }) {
      notes.append(
        "floors marked ! would be higher by the calibration, and are capped: nothing within them is called unchanged"
      )
    }
    let hopeless = metrics.filter { !$0.isSignificancePossible }
    if let fewest = hopeless.map({ min($0.bootsA, $0.bootsB) }).min() {
      let count = metrics.count
      let needed =
        isPaired
        ? "\(VerdictRequirements.pairs(tests: count)) pairs"
        : "\(VerdictRequirements.bootsPerSide(tests: count)) boots a side"
      notes.append(
        "\(fewest) \(isPaired ? "pairs" : "boots a side") are too few for \(count) test(s): in \(hopeless.count) of them no "
          + "change, however large, could be significant after Holm's correction; \(needed) are needed for this many "
          + "tests, or fewer metrics (--metric)")
    }
    let wide = metrics.map(\.interval.confidence).min() ?? 1
    if wide == 0 {
      notes.append("one boot a side has no interval at all")
    } else if wide < 1 - MetricComparison.significance {
      notes.append(
        "so few boots have no 95 % interval: the widest ones are shown, and hold "
          + String(format: "%.1f %%", wide * 100))
    }
    let large = metrics.filter { $0.isLarge && $0.verdict == .inconclusive }
    if !large.isEmpty {
      let list = large.prefix(mostListed).map { metric in
        "\(metric.configuration) \(metric.metric.rawValue) \(factor(metric))"
      }
      let rest = large.count - list.count
      notes.append(
        "LARGE CHANGES WITHOUT A VERDICT, every boot of B apart from every boot of A: "
          + list.joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : ""))
    }
    return notes
  }

  /// Notes on metrics whose change has another sign on one host than on another, given the changes of each metric by host.
  static func hosts(_ changes: [[HostChange]]) -> [String] {
    let open = changes.filter(HostChange.disagree)
    guard !open.isEmpty else { return [] }
    let list = open.prefix(mostListed).map { changes in
      let parts = changes.map { change in
        "\(NumberText.percent(change.shift)) in \(change.pairCount) pairs (\(change.host.summary))"
      }
      return "\(changes[0].configuration) \(changes[0].metric.rawValue): \(parts.joined(separator: ", "))"
    }
    let rest = open.count - list.count
    return [
      "THE HOSTS DISAGREE: each verdict is false on some of them: \(list.joined(separator: "; "))"
        + (rest > 0 ? "; and \(rest) more" : "")
    ]
  }

  /// Notes on a comparison that boots until it is sure.
  static func sequential(_ metrics: [MetricComparison], design: SequentialDesign) -> [String] {
    var notes = [
      "--confident \(percent(design.margin))%: the chance of a false alarm in any of \(design.testCount) test(s) is at "
        + "most \(percent(SequentialDesign.falseAlarmRate)) %, that of calling such a change unchanged "
        + "\(percent(SequentialDesign.missRate)) % in each; a smaller change may be called either"
    ]
    if metrics.contains(where: { $0.bootsA > SequentialDesign.mostPairs }) {
      notes.append(
        "of more than \(SequentialDesign.mostPairs) pairs, the first \(SequentialDesign.mostPairs) are judged"
      )
    }
    let open = metrics.filter { $0.verdict == .inconclusive }
    if let most = open.map(\.bootsA).max() {
      notes.append(
        "\(open.count) test(s) came to no verdict within \(most) pairs: take more (--max-boots), or a quieter host"
      )
    }
    return notes
  }

  /// A share in percent, without zeros behind it.
  private static func percent(_ share: Double) -> String { String(format: "%g", share * 100) }

  /// `10.1 times A` or `to 1/10.1 of A`.
  private static func factor(_ metric: MetricComparison) -> String {
    let (small, large) = (min(metric.medianA, metric.medianB), max(metric.medianA, metric.medianB))
    guard small > 0 else { return metric.medianA > 0 ? "to 0" : "from 0" }
    let factor = String(format: "%.1f", large / small)
    return metric.medianB > metric.medianA ? "to \(factor) times A" : "to 1/\(factor) of A"
  }

  /// Notes on the circumstances of the boots: the same boots on both sides, other times, other load.
  static func circumstances(_ a: [BootSample], _ b: [BootSample]) -> [String] {
    var notes: [String] = []
    if let note = sameBoots(a, b) { notes.append(note) }
    if let note = separateTimes(a, b) { notes.append(note) }
    if let note = differentLoad(a, b) { notes.append(note) }
    return notes
  }

  private struct BootIdentity: Hashable {
    let runID: String
    let configuration: ConfigurationKey
    let repetition: Int

    init(_ boot: BootSample) {
      runID = boot.runID
      configuration = boot.configuration
      repetition = boot.repetition
    }
  }

  /// Says that boots are on both sides, such as of a file that was named twice.
  private static func sameBoots(_ a: [BootSample], _ b: [BootSample]) -> String? {
    let known = Set(a.map(BootIdentity.init))
    let count = b.count { known.contains(BootIdentity($0)) }
    guard count > 0 else { return nil }
    return count == b.count && a.count == b.count
      ? "A and B ARE THE SAME BOOTS: nothing can differ"
      : "\(count) of B's \(b.count) boots ARE BOOTS OF A as well"
  }

  /// Says that all runs of one side began before those of the other.
  private static func separateTimes(_ a: [BootSample], _ b: [BootSample]) -> String? {
    guard let firstA = a.map(\.startedAt).min(), let lastA = a.map(\.startedAt).max(),
      let firstB = b.map(\.startedAt).min(), let lastB = b.map(\.startedAt).max(),
      lastA < firstB || lastB < firstA
    else { return nil }
    return
      "A (\(firstA) .. \(lastA)) and B (\(firstB) .. \(lastB)) were not measured at the same time: what changed on the "
      + "host in between counts as a change. bench compare with two revisions, or --a and --b, interleaves them"
  }

  /// The smallest difference in load, as a share of the CPU time, that is noted.
  private static let loadDifference = 0.05

  private static func differentLoad(_ a: [BootSample], _ b: [BootSample]) -> String? {
    guard let loadA = a.compactMap(\.otherShare).median, let loadB = b.compactMap(\.otherShare).median,
      abs(loadA - loadB) >= loadDifference
    else { return nil }
    return String(
      format: "other work kept %.0f %% of the CPUs busy while A was measured, and %.0f %% while B was: "
        + "the load differs", loadA * 100, loadB * 100)
  }

  /// The boots that are not to be trusted, and the reasons.
  static func doubts(_ a: [BootSample], _ b: [BootSample], metrics: [Metric], isLeftOut: Bool) -> [String] {
    let issues = TrustIssue.allCases.filter { issue in
      issue != .fewRequests || metrics.contains { $0 == .latencyP99 || $0 == .latencyP99_9 }
    }
    let lines = issues.compactMap { issue -> String? in
      let (countA, countB) = (a.count { $0.doubts.contains(issue) }, b.count { $0.doubts.contains(issue) })
      guard countA + countB > 0 else { return nil }
      return "\(issue.rawValue) in \(countA) of A's and \(countB) of B's boots (\(issue.explanation))"
    }
    guard !lines.isEmpty else { return [] }
    return [
      TrustIssue.warning + lines.joined(separator: "; ")
        + (isLeftOut ? ". They were left out (--trusted-only)" : ". --trusted-only leaves them out")
    ]
  }
}
