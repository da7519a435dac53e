/// The content of a file of rows: its bytes, and where each field of each row begins.
///
/// Rows share it. A file of 100,000 rows takes its own size and 150 bytes a row in memory, where an array of texts would take
/// several times as much.
final class RowTable: Sendable {
  /// The names of the columns, in order.
  let header: [String]
  /// How many rows there are.
  let count: Int
  private let bytes: [UInt8]
  /// The line of each row.
  private let lines: [UInt32]
  /// The first byte of each row.
  private let starts: [UInt32]
  /// For each field of each row, where it ends, counted from the row's first byte.
  private let ends: [UInt16]
  /// The place of each column by its name. One that earlier versions called otherwise has its current name as well.
  private let places: [String: Int]

  /// Larger files are no result of ours; offsets are 32 bits wide.
  static let largestByteCount = 256 << 20

  /// Reads `bytes`, of which there are at most ``largestByteCount``.
  init(_ bytes: [UInt8]) throws(CSVText.Fault) {
    var header: [String]?
    var lines: [UInt32] = []
    var starts: [UInt32] = []
    var ends: [UInt16] = []
    try CSVText.forEachRecord(in: bytes) { record throws(CSVText.Fault) in
      guard let columns = header else {
        header = try Self.columns(bytes, record)
        return
      }
      guard record.fields.count == columns.count else {
        throw CSVText.Fault(
          line: record.line,
          reason: "the row has \(record.fields.count) fields, and the header \(columns.count)")
      }
      let start = record.fields[0].lowerBound
      guard record.fields[columns.count - 1].upperBound - start <= Int(UInt16.max) else {
        throw CSVText.Fault(line: record.line, reason: "the row is longer than 64 KiB")
      }
      lines.append(UInt32(clamping: record.line))
      starts.append(UInt32(clamping: start))
      for field in record.fields { ends.append(UInt16(clamping: field.upperBound - start)) }
    }
    guard let header else { throw CSVText.Fault(line: 1, reason: "the file is empty") }
    guard !lines.isEmpty else { throw CSVText.Fault(line: 1, reason: "the file has no row") }
    var places = Dictionary(
      header.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    guard places.count == header.count else {
      throw CSVText.Fault(line: 1, reason: "a column appears twice")
    }
    for (former, current) in RecordColumns.currentNames where places[current] == nil {
      places[current] = places[former]
    }
    self.header = header
    self.bytes = bytes
    self.lines = lines
    self.starts = starts
    self.ends = ends
    self.places = places
    count = lines.count
  }

  private static func columns(_ bytes: [UInt8], _ record: CSVText.Record) throws(CSVText.Fault) -> [String] {
    var columns: [String] = []
    for field in record.fields { columns.append(try CSVText.text(bytes, field, line: record.line)) }
    if columns.count == 1, let separator = [";", "\t"].first(where: columns[0].contains) {
      throw CSVText.Fault(
        line: record.line,
        reason:
          "columns are separated by \(separator == ";" ? "semicolons" : "tabs"); save the table with commas")
    }
    return columns
  }

  /// The line of row `index`, from 1.
  func line(ofRow index: Int) -> Int { Int(lines[index]) }

  /// The place of `column` in each row; nil if the file lacks the column.
  func place(of column: any AnyRecordColumn) -> Int? { places[column.name] }

  /// Whether the file has `column`.
  func has(_ column: any AnyRecordColumn) -> Bool { place(of: column) != nil }

  /// Whether the file has `column`.
  func has<Value>(_ column: ColumnPath<Value>) -> Bool { has(RecordColumns.table[keyPath: column]) }

  /// The field of the column named `column` in row `index`; nil if the file lacks the column.
  func text(named column: String, ofRow index: Int) throws(CSVText.Fault) -> String? {
    guard let place = places[column] else { return nil }
    return try text(at: place, ofRow: index)
  }

  /// Checks that each field of bench's columns is empty, or a value of its column's kind. Commands read few of the columns, and what
  /// passes here for one command does for all.
  ///
  /// - Throws: The fault of the first line that has one.
  func checkKinds() throws(CSVText.Fault) {
    var columns: [(place: Int, name: String, kind: FieldValue.Kind)] = []
    for (place, name) in header.enumerated() {
      guard let column = RecordColumns.column(named: name), !column.isText else { continue }
      columns.append((place, name, column.kind))
    }
    for index in 0..<count {
      for column in columns {
        let field = field(at: column.place, ofRow: index)
        if field.isEmpty || column.kind.holds(bytes[field]) { continue }
        // Quoted, of many digits, or wrong.
        let text = try text(at: column.place, ofRow: index)
        guard let reason = column.kind.objection(to: text) else { continue }
        throw CSVText.Fault(
          line: line(ofRow: index), reason: "\(column.name) is \(reason): \(CSVText.quoted(text))")
      }
    }
  }

  /// All fields of row `index`, in the file's order.
  func fields(ofRow index: Int) throws(CSVText.Fault) -> [String] {
    var fields: [String] = []
    for place in header.indices { fields.append(try text(at: place, ofRow: index)) }
    return fields
  }

  /// The field at `place` of row `index`.
  func text(at place: Int, ofRow index: Int) throws(CSVText.Fault) -> String {
    try CSVText.text(bytes, field(at: place, ofRow: index), line: line(ofRow: index))
  }

  /// The bytes of a field, quotes included.
  private func field(at place: Int, ofRow index: Int) -> Range<Int> {
    let start = Int(starts[index])
    let first = index * header.count
    // A comma lies between two fields.
    let lower = place == 0 ? start : start + Int(ends[first + place - 1]) + 1
    return lower..<(start + Int(ends[first + place]))
  }
}
