import Foundation

/// How rows are written as CSV: RFC 4180 quoting, a header line, lines that end with a single line feed.
enum CSVSchema {
  /// The header line, without its line end.
  static let header = RecordColumns.all.map { quoted($0.name) }.joined(separator: ",")

  /// The line of `record`, without its line end.
  static func line(_ record: RunRecord) -> String {
    RecordColumns.all.map { quoted(record.text(of: $0)) }.joined(separator: ",")
  }

  /// `field` as it stands in a line: in quotes if it holds a comma, a quote or a line end, its quotes doubled.
  static func quoted(_ field: String) -> String {
    let needsQuotes = field.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
    return needsQuotes ? "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : field
  }
}
