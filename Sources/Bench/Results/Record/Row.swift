/// One row of a CSV file: one guest in one boot.
struct Row: Sendable {
  /// The file's content.
  let table: RowTable
  /// Which of its rows.
  let index: Int

  /// The line of the file, from 1.
  var line: Int { table.line(ofRow: index) }

  /// The field of `column` in the words of the current version, or what rows of a version that lacks the column mean by that; nil if that
  /// is not known, or if the field is no text.
  func text(of column: any AnyRecordColumn) -> String? {
    text(of: column, at: table.place(of: column))
  }

  /// The same for a caller that has looked up the column's `place` in the table.
  func text(of column: any AnyRecordColumn, at place: Int?) -> String? {
    guard let place else { return absent(column) }
    return (try? table.text(at: place, ofRow: index)).map(column.current)
  }

  /// The field of `column` in the words of the current version; nil as in ``text(of:)``.
  func text<Value>(_ column: ColumnPath<Value>) -> String? { text(of: RecordColumns.table[keyPath: column]) }

  /// What a row says that was written before `column` existed.
  private func absent(_ column: any AnyRecordColumn) -> String? {
    switch column.absence {
    case .unknown: nil
    case .value(let value): value
    case .sameAs(let name): RecordColumns.column(named: name).flatMap { text(of: $0) }
    }
  }

  /// Whether the field of `column` says `true`; nil where it is empty, or something else. Spreadsheets write `TRUE`.
  func bool<Value>(_ column: ColumnPath<Value>) -> Bool? {
    switch text(column)?.lowercased() {
    case "true": true
    case "false": false
    default: nil
    }
  }

  /// The whole number of `column`.
  func integer<Value>(_ column: ColumnPath<Value>) throws(CSVText.Fault) -> Int {
    let column = RecordColumns.table[keyPath: column]
    let text = try required(column)
    guard let number: Int = DecimalText.integer(text) else {
      throw CSVText.Fault(line: line, reason: "\(column.name) is not a whole number: \(CSVText.quoted(text))")
    }
    return number
  }

  /// The number of `column`, finite and not negative.
  func number<Value>(_ column: ColumnPath<Value>) throws(CSVText.Fault) -> Double {
    try number(RecordColumns.table[keyPath: column])
  }

  /// The number of `column`, finite and not negative.
  func number(_ column: any AnyRecordColumn) throws(CSVText.Fault) -> Double {
    let text = try required(column)
    guard let number = DecimalText.number(text), number >= 0 else {
      throw CSVText.Fault(
        line: line, reason: "\(column.name) is not a number of 0 or more: \(CSVText.quoted(text))")
    }
    return number
  }

  /// The number of `column`; nil where the field is empty, or the file is older than the column.
  func optionalNumber<Value>(_ column: ColumnPath<Value>) throws(CSVText.Fault) -> Double? {
    guard let text = text(column), !text.isEmpty else { return nil }
    return try number(column)
  }

  /// The number of requests that the row's exits and CPU times belong to.
  ///
  /// For a Linux guest this is a part of fio's phase; its requests follow from the exits and the exits for each request.
  func windowRequests() throws(CSVText.Fault) -> Double {
    let requests = try number(\.ios)
    guard text(\.guest) == GuestKind.linux.rawValue else { return requests }
    let quotient = try number(\.vmexitsPerIO)
    if quotient > 0 { return try number(\.vmexits) / quotient }
    return min(requests, try number(\.iops) * number(\.windowSeconds))
  }

  private func required(_ column: any AnyRecordColumn) throws(CSVText.Fault) -> String {
    if let text = try table.text(named: column.name, ofRow: index) { return column.current(text) }
    guard let text = absent(column) else {
      throw CSVText.Fault(line: 1, reason: "the file has no column \(column.name)")
    }
    return text
  }
}
