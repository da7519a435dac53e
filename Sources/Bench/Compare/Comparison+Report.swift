import Foundation

extension Comparison {
  /// The comparison in `format`, ended by a line feed.
  func text(_ format: ReportFormat) throws -> String {
    switch format {
    case .table: "A: \(titleA)\nB: \(titleB)\n\n" + table().plainText() + noteLines() + summary + "\n"
    case .markdown:
      "A: \(titleA)  \nB: \(titleB)\n\n" + table().markdown() + "\n" + noteLines() + "\n**\(summary)**\n"
    case .json: try json()
    }
  }

  /// One line: how many metrics went which way.
  var summary: String {
    let counts = Verdict.allCases.compactMap { verdict -> String? in
      let count = metrics.count { $0.verdict == verdict }
      return count > 0 ? "\(count) \(verdict.rawValue)" : nil
    }
    return "verdict: " + (counts.isEmpty ? "nothing was compared" : counts.joined(separator: ", "))
  }

  private func table() -> ReportTable {
    var table = ReportTable(headings: [
      .init(title: "configuration"), .init(title: "metric"), .init(title: "A", isNumber: true),
      .init(title: "B", isNumber: true), .init(title: "boots", isNumber: true),
      .init(title: "change", isNumber: true), .init(title: "95 % interval", isNumber: true),
      .init(title: "p (Holm)", isNumber: true), .init(title: "floor", isNumber: true),
      .init(title: "verdict"),
    ])
    table.lines = metrics.map { metric in
      [
        metric.configuration, metric.metric.rawValue, Figure.text(metric.medianA),
        Figure.text(metric.medianB),
        metric.bootsA == metric.bootsB ? "\(metric.bootsA)" : "\(metric.bootsA), \(metric.bootsB)",
        Self.change(metric), Self.interval(metric), Figure.probability(metric.adjustedPValue),
        Self.floor(metric), metric.verdict.rawValue,
      ]
    }
    return table
  }

  private static func change(_ metric: MetricComparison) -> String {
    metric.relativeShift.map(Figure.percent) ?? Figure.text(metric.shift)
  }

  private static func interval(_ metric: MetricComparison) -> String {
    if let interval = metric.relativeInterval {
      return "\(Figure.percent(interval.lower)) .. \(Figure.percent(interval.upper))"
    }
    return "\(Figure.text(metric.interval.lower)) .. \(Figure.text(metric.interval.upper))"
  }

  /// In percent where the relative floor is what counts, else in the metric's unit.
  private static func floor(_ metric: MetricComparison) -> String {
    let mark = metric.floor.source == .standard ? "*" : ""
    if metric.floorWidth > metric.floor.relative * metric.medianA {
      return "\(Figure.text(metric.floorWidth)) \(metric.unit)\(mark)"
    }
    return String(format: "%.2f %%", metric.floor.relative * 100) + mark
  }

  private func noteLines() -> String {
    let kinds = Set(metrics.map(\.isPaired))
    let test = kinds.map { $0 ? "Wilcoxon on pairs" : "Mann-Whitney" }.sorted().joined(separator: ", ")
    return
      ([
        "host: \(host.summary)",
        "change: Hodges-Lehmann; interval: bootstrap; p: \(test), corrected for "
          + "\(metrics.count) tests",
      ] + notes).map { "- \($0)\n" }.joined()
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
