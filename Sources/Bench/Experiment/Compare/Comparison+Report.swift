import Foundation

extension Comparison {
  /// The comparison in `format`, ended by a line feed.
  func text(_ format: ComparisonFormat) throws -> String {
    switch format {
    case .table:
      "A: \(titleA)\nB: \(titleB)\n\n" + tables.map { $0.plainText() }.joined(separator: "\n") + noteLines()
        + summary
        + "\n"
    case .markdown:
      "A: \(titleA)  \nB: \(titleB)\n\n" + tables.map { $0.markdown() + "\n" }.joined() + noteLines()
        + "\n**\(summary)**\n"
    case .json: try json()
    case .junit: junit()
    case .github: githubAnnotations()
    }
  }

  /// One line: how many metrics went which way.
  var summary: String {
    var counts = Verdict.allCases.compactMap { verdict -> String? in
      let count = metrics.count { $0.verdict == verdict }
      return count > 0 ? "\(count) \(verdict.rawValue)" : nil
    }
    if metrics.isEmpty { counts.append("nothing was compared") }
    let unreliable = reliability.count { $0.verdict == .regressed }
    if unreliable > 0 { counts.append("reliability regressed in \(unreliable) configuration(s)") }
    if !metrics.isEmpty, !notCompared.isEmpty { counts.append("\(notCompared.count) not compared") }
    return "verdict: " + counts.joined(separator: ", ")
  }

  private var tables: [ReportTable] {
    (metrics.isEmpty ? [] : [table()]) + (reliability.isEmpty ? [] : [reliabilityTable])
  }

  private var reliabilityTable: ReportTable {
    var table = ReportTable(headings: [
      .init(title: "configuration"), .init(title: "reliability"), .init(title: "A failed", isNumber: true),
      .init(title: "B failed", isNumber: true), .init(title: "p (Fisher)", isNumber: true),
      .init(title: "verdict"),
    ])
    table.lines = reliability.map {
      [
        $0.configuration, "failed boots", "\($0.failedA) of \($0.bootsA)", "\($0.failedB) of \($0.bootsB)",
        NumberText.probability($0.pValue), $0.verdict.rawValue,
      ]
    }
    return table
  }

  /// The table of a comparison that boots until it is sure.
  private func sequentialTable() -> ReportTable {
    var table = ReportTable(headings: [
      .init(title: "configuration"), .init(title: "metric"), .init(title: "A", isNumber: true),
      .init(title: "B", isNumber: true), .init(title: "change", isNumber: true),
      .init(title: "sequential interval", isNumber: true), .init(title: "confidence", isNumber: true),
      .init(title: "pairs", isNumber: true),
      .init(title: "decided after", isNumber: true), .init(title: "verdict"),
    ])
    table.lines = metrics.map { metric in
      [
        metric.configuration, metric.metric.rawValue, NumberText.text(metric.medianA),
        NumberText.text(metric.medianB), Self.sequentialChange(metric), Self.sequentialInterval(metric),
        metric.sequential?.interval.map(Self.confidence) ?? "", "\(metric.bootsA)",
        metric.sequential.flatMap { $0.isSettled ? "\($0.pairCount)" : nil } ?? "",
        metric.verdict.rawValue,
      ]
    }
    return table
  }

  /// The change in the pairs until the verdict.
  static func sequentialChange(_ metric: MetricComparison) -> String {
    metric.sequential?.change.map(NumberText.percent) ?? change(metric)
  }

  /// The confidence of `interval` in percent.
  static func confidence(_ interval: ConfidenceInterval) -> String {
    String(format: "%.4g %%", interval.confidence * 100)
  }

  static func sequentialInterval(_ metric: MetricComparison) -> String {
    guard let interval = metric.sequential?.interval else { return "" }
    return "\(NumberText.percent(interval.lower)) .. \(NumberText.percent(interval.upper))"
  }

  private func table() -> ReportTable {
    if metrics.contains(where: { $0.sequential != nil }) { return sequentialTable() }
    var table = ReportTable(headings: [
      .init(title: "configuration"), .init(title: "metric"), .init(title: "A", isNumber: true),
      .init(title: "B", isNumber: true), .init(title: "boots", isNumber: true),
      .init(title: "change", isNumber: true), .init(title: "95 % interval", isNumber: true),
      .init(title: "p (Holm)", isNumber: true), .init(title: "floor", isNumber: true),
      .init(title: "verdict"),
    ])
    table.lines = metrics.map { metric in
      [
        metric.configuration, metric.metric.rawValue, NumberText.text(metric.medianA),
        NumberText.text(metric.medianB),
        metric.bootsA == metric.bootsB ? "\(metric.bootsA)" : "\(metric.bootsA), \(metric.bootsB)",
        Self.change(metric), Self.interval(metric), NumberText.probability(metric.adjustedPValue),
        Self.floor(metric), metric.verdict.rawValue,
      ]
    }
    return table
  }

  /// How much B differs, in percent where that is possible.
  static func change(_ metric: MetricComparison) -> String {
    metric.relativeShift.map(NumberText.percent) ?? NumberText.text(metric.shift)
  }

  /// The interval of ``change(_:)``; empty where the boots are too few for any, such as one on each side.
  static func interval(_ metric: MetricComparison) -> String {
    guard metric.interval.confidence > 0 else { return "" }
    if let interval = metric.relativeInterval {
      return "\(NumberText.percent(interval.lower)) .. \(NumberText.percent(interval.upper))"
    }
    return "\(NumberText.text(metric.interval.lower)) .. \(NumberText.text(metric.interval.upper))"
  }

  /// In percent where the relative floor is what counts, else in the metric's unit.
  private static func floor(_ metric: MetricComparison) -> String {
    let mark =
      switch metric.floor.source {
      case .standard: "*"
      case .capped: "!"
      case .calibrated: ""
      }
    if metric.floorWidth > metric.floor.relative * metric.medianA {
      return "\(NumberText.text(metric.floorWidth)) \(metric.unit)\(mark)"
    }
    return String(format: "%.2f %%", metric.floor.relative * 100) + mark
  }

  private func noteLines() -> String {
    let kinds = Set(metrics.map(\.isPaired))
    let test = kinds.map { $0 ? "Wilcoxon on pairs" : "Mann-Whitney" }.sorted().joined(separator: ", ")
    var lines = hosts.isEmpty ? ["host: \(host.summary)"] : []
    if metrics.contains(where: { $0.sequential != nil }) {
      lines.append(
        "change: Hodges-Lehmann; sequential interval: what the tests of the verdict do not reject at any number of pairs; both are of "
          + "the pairs until the verdict"
      )
    } else if !metrics.isEmpty {
      lines.append(
        "change: Hodges-Lehmann; interval: what the test does not reject; p: \(test), corrected for \(metrics.count) tests"
      )
    }
    if !notCompared.isEmpty {
      lines.append("NOT COMPARED, because a side has no value: \(notCompared.joined(separator: ", "))")
    }
    return (lines + notes).map { "- \($0)\n" }.joined()
  }

  private func json() throws -> String {
    struct Document: Encodable {
      let comparison: Comparison
      let exitCode: Int32

      enum CodingKeys: String, CodingKey {
        case comparison
        case exitCode = "exit_code"
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    let data = try encoder.encode(Document(comparison: self, exitCode: exitCode))
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}

/// How a comparison is printed.
enum ComparisonFormat: String, CaseIterable, Sendable {
  /// For a terminal.
  case table
  /// For programs.
  case json
  /// For a page or a pull request.
  case markdown
  /// A JUnit file, for GitLab, Jenkins and others.
  case junit
  /// Annotations of GitHub Actions.
  case github
}
