import Foundation

extension Calibration {
  /// The calibration in `format`, ended by a line feed.
  func text(_ format: ReportFormat) throws -> String {
    switch format {
    case .table: table().plainText() + notes
    case .markdown: table().markdown() + "\n" + notes
    case .json: String(decoding: try encoded(), as: UTF8.self)
    }
  }

  /// The file's content.
  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  private func table() -> ReportTable {
    var table = ReportTable(headings: [
      .init(title: "configuration"), .init(title: "metric"), .init(title: "median", isNumber: true),
      .init(title: "noise of a pair", isNumber: true), .init(title: "A/A change", isNumber: true),
      .init(title: "floor", isNumber: true), .init(title: "pairs for 5 %", isNumber: true),
    ])
    let varying = ConfigurationKey.varyingColumns(of: entries.map(\.configuration))
    table.lines = entries.map { entry in
      [
        entry.configuration.title(varying: varying), entry.metric.rawValue, NumberText.text(entry.median),
        String(format: "%.2f %%", entry.pairNoise * 100), NumberText.percent(expm1(entry.shift)),
        String(format: "%.2f %%", entry.relativeFloor * 100),
        "\(entry.pairsForFivePercent)\(entry.isUsable ? "" : " (unusable)")",
      ]
    }
    return table
  }

  private var notes: String {
    (unusableNotes + [
      "host: \(host.summary)",
      "\(pairCount) pairs; noise: robust standard deviation of the logarithm of B by A; floor: for this number of pairs",
      "metrics that were 0 in a boot have no ratio, and are left out",
    ]).map { "- \($0)\n" }.joined()
  }

  /// The entries that are too noisy to be used, and the reasons.
  var unusableNotes: [String] {
    let unusable = entries.filter { !$0.isUsable }
    guard !unusable.isEmpty else { return [] }
    let metrics = Metric.allCases.filter { metric in unusable.contains { $0.metric == metric } }
    let reasons = doctor ?? []
    return [
      "UNUSABLE: the host is too noisy for \(metrics.map(\.rawValue).joined(separator: ", ")) "
        + "(\(unusable.count) of \(entries.count) lines): a change of 5 % would take more than \(Entry.mostPairs) pairs"
        + (reasons.isEmpty ? "; bench doctor says why, now and on this host" : "")
    ] + reasons.map { "bench doctor, when the calibration was made: \($0)" }
  }
}
