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
    // The style pads the last column as well: remove the spaces at the ends of lines.
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

/// How results are printed.
enum ReportFormat: String, CaseIterable, Sendable {
  /// For a terminal.
  case table
  /// For programs.
  case json
  /// For a page or a pull request.
  case markdown
}
