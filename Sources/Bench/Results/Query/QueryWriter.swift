/// Writes the result of a query, line by line where the format allows it.
struct QueryWriter {
  /// How results are written.
  enum Format: String, CaseIterable, Sendable {
    /// Columns for a terminal.
    case table
    /// RFC 4180, as files of rows.
    case csv
    /// An array of objects, one in a line.
    case json
    /// For a page or a pull request.
    case markdown
  }

  private let format: Format
  private let write: (String) throws -> Void
  private var names: [String] = []
  private var lines: [[QueryValue]] = []
  private var count = 0

  /// A writer that passes text on to `write`.
  init(format: Format, write: @escaping (String) throws -> Void) {
    self.format = format
    self.write = write
  }

  /// Starts with the names of the columns.
  mutating func begin(_ names: [String]) throws {
    self.names = names
    if format == .csv { try write(names.map(CSVSchema.quoted).joined(separator: ",") + "\n") }
    if format == .json { try write("[") }
  }

  /// Takes a line of the result.
  mutating func add(_ line: [QueryValue]) throws {
    count += 1
    switch format {
    case .csv: try write(line.map { CSVSchema.quoted($0.text) }.joined(separator: ",") + "\n")
    case .json:
      let members = zip(names, line).map { "\(QueryValue.json($0)): \($1.json)" }
      try write("\(count == 1 ? "\n" : ",\n"){\(members.joined(separator: ", "))}")
    case .table, .markdown: lines.append(line)
    }
  }

  /// `text` with control characters as escapes: a line feed would end a table's line, and others would command a terminal.
  private static func visible(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      return text
    }
    return text.unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : String(scalar)
    }.joined()
  }

  /// Writes what is left.
  func end() throws {
    switch format {
    case .csv: break
    case .json: try write(count == 0 ? "]\n" : "\n]\n")
    case .table, .markdown:
      let headings = names.indices.map { place in
        ReportTable.Heading(
          title: Self.visible(names[place]), isNumber: lines.allSatisfy { $0[place].isNumberOrNull })
      }
      let table = ReportTable(headings: headings, lines: lines.map { $0.map { Self.visible($0.text) } })
      try write(format == .table ? table.plainText() : table.markdown())
    }
  }
}

extension QueryValue {
  fileprivate var isNumberOrNull: Bool {
    switch self {
    case .null, .integer, .number: true
    case .text: false
    }
  }
}
