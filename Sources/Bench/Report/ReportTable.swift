import Foundation
import TextTable

/// A table of text, for a terminal or as Markdown.
struct ReportTable: Sendable {
  /// A column's title, and whether its values are numbers, which stand at the right.
  struct Heading: Sendable {
    var title: String
    var isNumber = false
  }

  /// The columns.
  let headings: [Heading]
  /// The lines below them, a text for each column.
  var lines: [[String]] = []

  /// The table in plain text.
  func plainText() -> String {
    let table = TextTable<[String]> { line in
      zip(headings, line).map {
        Column(title: $0.title, value: $1, align: $0.isNumber ? .right : .left)
      }
    }
    // The style pads every column, the last one too: nobody wants spaces at the end of a line.
    return (table.string(for: lines, style: Style.simple) ?? "").split(separator: "\n")
      .map { $0.reversed().drop { $0 == " " }.reversed().map(String.init).joined() + "\n" }.joined()
  }

  /// The table in GitHub's Markdown.
  func markdown() -> String {
    let rule = headings.map { $0.isNumber ? "---:" : "---" }
    return ([headings.map(\.title), rule] + lines).map { line in
      "| " + line.map { $0.replacingOccurrences(of: "|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }.joined()
  }
}

/// Numbers as people read them.
enum Figure {
  /// `value` with four digits that count, and groups of three before the point.
  static func text(_ value: Double) -> String {
    let size = abs(value)
    if size > 0, size < 0.0001 { return String(format: "%.2e", value) }
    let digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4
    return RunTable.decimal(value, digits: digits)
  }

  /// `share` in percent, signed: `+1.25 %`.
  static func percent(_ share: Double) -> String { String(format: "%+.2f %%", share * 100) }

  /// A probability: `0.031`, `<0.0001`.
  static func probability(_ value: Double) -> String {
    value < 0.0001 ? "<0.0001" : String(format: "%.4f", value)
  }
}
