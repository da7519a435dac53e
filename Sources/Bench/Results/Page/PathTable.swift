import Foundation

/// The table of the page in which the paths of a workload stand beside each other, made to be sorted and filtered.
enum PathTable {
  private struct Column {
    let title: String
    let isNumber: Bool
  }

  private static let columns = [
    Column(title: "workload", isNumber: false), Column(title: "path", isNumber: false),
    Column(title: "boots", isNumber: true), Column(title: "IOPS, median", isNumber: true),
    Column(title: "smallest..largest", isNumber: true),
    Column(title: "ratio to the first path", isNumber: true),
    Column(title: "interval", isNumber: true), Column(title: "p50, us", isNumber: true),
    Column(title: "p99, us", isNumber: true), Column(title: "I/O vmexits per I/O", isNumber: true),
    Column(title: "CPU, us per I/O", isNumber: true), Column(title: "not to be trusted", isNumber: false),
  ]

  /// The element.
  static func html(_ comparisons: [PathComparison]) -> String {
    let head = columns.map { column in
      "<th scope=\"col\"\(column.isNumber ? " class=\"number\"" : "")>\(HTMLText.escaped(column.title))</th>"
    }.joined()
    let lines = comparisons.flatMap { comparison in comparison.lines.map { row($0, of: comparison) } }
    return """
      <div class="wide" tabindex="0" role="region" aria-labelledby="path-table-caption"><table id="path-table">
      <caption id="path-table-caption">Each path of each workload: medians over boots, IOPS as a ratio to the workload's first path, and the
      confidence interval of that ratio.</caption>
      <thead><tr>\(head)</tr></thead>
      <tbody>
      \(lines.joined())</tbody>
      </table></div>

      """
  }

  /// What the filter searches.
  static func searchText(_ comparison: PathComparison, _ line: PathComparison.Line? = nil) -> String {
    let names = line.map { [$0.series.name] } ?? comparison.lines.map(\.series.name)
    return HTMLText.escaped(([comparison.title] + names).joined(separator: " ").lowercased())
  }

  private static func row(_ line: PathComparison.Line, of comparison: PathComparison) -> String {
    func median(_ value: (FigureBoot) -> Double?) -> String {
      guard let median = line.boots.compactMap(value).median else { return cell("-", sortedBy: nil) }
      return cell(NumberText.text(median), sortedBy: median)
    }
    let spread = Spread(line.boots.compactMap { $0.sample[.iops] })
    let ratio = line.ratios[.iops]
    let cells = [
      "<th scope=\"row\">\(HTMLText.escaped(comparison.title))</th>",
      "<td>\(HTMLText.escaped(line.series.name))</td>",
      cell(String(line.boots.count), sortedBy: Double(line.boots.count)),
      cell(spread.map { NumberText.text($0.median) } ?? "-", sortedBy: spread?.median),
      cell(
        spread.map { "\(NumberText.text($0.minimum))..\(NumberText.text($0.maximum))" } ?? "-",
        sortedBy: spread?.minimum),
      cell(ratio.map { factor($0.estimate) } ?? "1", sortedBy: ratio?.estimate ?? 1),
      cell(ratio.map(interval) ?? "", sortedBy: ratio?.interval.lower),
      median { $0.sample[.latencyP50] }, median { $0.sample[.latencyP99] },
      median { $0.sample[.ioVMExitsPerIO] },
      median { $0.ioThreadMicrosecondsPerIO + $0.vcpuMicrosecondsPerIO },
      "<td>\(HTMLText.escaped(ResultTable.doubts(line.boots)))</td>",
    ]
    return "<tr data-text=\"\(searchText(comparison, line))\">\(cells.joined())</tr>\n"
  }

  private static func cell(_ text: String, sortedBy number: Double?) -> String {
    "<td class=\"number\" data-value=\"\(number.map { "\($0)" } ?? "")\">\(HTMLText.escaped(text))</td>"
  }

  /// A ratio with three digits that count.
  static func factor(_ ratio: Double) -> String {
    let digits = ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2
    return NumberText.decimal(ratio, digits: digits)
  }

  /// `4.10..5.22 (95 %)`.
  static func interval(_ ratio: PathComparison.Ratio) -> String {
    "\(factor(ratio.interval.lower))..\(factor(ratio.interval.upper)) "
      + "(\(String(format: "%.3g", 100 * ratio.interval.confidence)) %)"
  }
}
