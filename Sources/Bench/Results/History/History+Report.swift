import Foundation

extension History {
  /// The time lines in `format`, ended by a line feed.
  ///
  /// - Parameters:
  ///   - showsPoints: Whether each point of each series is listed.
  ///   - showsAll: Whether series without a step are listed too. JSON has all of them.
  func text(_ format: ReportFormat, showsPoints: Bool, showsAll: Bool = false) throws -> String {
    let shown = showsAll ? series : series.filter { !$0.steps.isEmpty }
    switch format {
    case .json:
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
      return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    case .table:
      return Self.tables(shown, showsPoints).map { $0.plainText() }.joined(separator: "\n")
        + notes(shown.count)
    case .markdown:
      return Self.tables(shown, showsPoints).map { $0.markdown() }.joined(separator: "\n") + "\n"
        + notes(shown.count)
    }
  }

  private static func tables(_ series: [HistorySeries], _ showsPoints: Bool) -> [ReportTable] {
    guard !series.isEmpty else { return [] }
    return [overview(series)] + (showsPoints ? [pointTable(series)] : [])
      + (series.allSatisfy(\.steps.isEmpty) ? [] : [stepTable(series)])
  }

  private static func overview(_ series: [HistorySeries]) -> ReportTable {
    var table = ReportTable(headings: [
      .init(title: "host"), .init(title: "configuration"), .init(title: "metric"),
      .init(title: "points", isNumber: true), .init(title: "first", isNumber: true),
      .init(title: "last", isNumber: true), .init(title: "steps", isNumber: true),
    ])
    table.lines = series.map { series in
      [
        series.host.kvmBackend, series.configuration, series.metric.rawValue, "\(series.points.count)",
        series.points.first.map { NumberText.text($0.value) } ?? "-",
        series.points.last.map { NumberText.text($0.value) } ?? "-", "\(series.steps.count)",
      ]
    }
    return table
  }

  private static func pointTable(_ series: [HistorySeries]) -> ReportTable {
    var table = ReportTable(headings: [
      .init(title: "time"), .init(title: "revision"), .init(title: "configuration"), .init(title: "metric"),
      .init(title: "median", isNumber: true), .init(title: "boots", isNumber: true), .init(title: "file"),
    ])
    table.lines = series.flatMap { series in
      series.points.map {
        [
          $0.startedAt, $0.revision, series.configuration, series.metric.rawValue, NumberText.text($0.value),
          "\($0.boots)", $0.file,
        ]
      }
    }
    return table
  }

  private static func stepTable(_ series: [HistorySeries]) -> ReportTable {
    var table = ReportTable(headings: [
      .init(title: "step at"), .init(title: "came with"), .init(title: "after"),
      .init(title: "configuration"),
      .init(title: "metric"), .init(title: "before", isNumber: true), .init(title: "since", isNumber: true),
      .init(title: "change", isNumber: true), .init(title: ""),
    ])
    table.lines = series.flatMap { series in
      series.steps.map { step in
        let change = step.levelBefore > 0 ? NumberText.percent(step.levelAfter / step.levelBefore - 1) : "-"
        return [
          step.startedAt, step.revision, step.previousRevision, series.configuration, series.metric.rawValue,
          NumberText.text(step.levelBefore), NumberText.text(step.levelAfter), change,
          step.isBetter ? "better" : "worse",
        ]
      }
    }
    return table
  }

  private func notes(_ shownCount: Int) -> String {
    let shortest = StepDetection().shortestSegment
    let short = series.count { $0.points.count < 2 * shortest }
    var lines = ["\(files.count) file(s); a point is the median over the boots of one revision in one file"]
    if shownCount < series.count {
      lines.append(
        "\(series.count - shownCount) of \(series.count) series have no step and are not listed (--all lists them)"
      )
    }
    if short > 0 {
      lines.append(
        "\(short) of \(series.count) series have fewer than \(2 * shortest) points: no step can be found there"
      )
    }
    if !skippedFiles.isEmpty {
      lines.append("no rows of bench, and passed over: \(skippedFiles.joined(separator: ", "))")
    }
    return lines.map { "- \($0)\n" }.joined()
  }
}
