/// One row of a CSV file: one guest in one boot.
struct Row: Sendable {
  /// The file's content.
  let table: RowTable
  /// Which of its rows.
  let index: Int

  /// The line of the file, from 1.
  var line: Int { table.line(ofRow: index) }

  /// The field of `column`, or what rows of a version that lacks the column mean by that; nil if the file lacks it otherwise, or if the
  /// field is no text.
  func text(_ column: RunRecord.CodingKeys) -> String? {
    (try? table.text(column, ofRow: index)) ?? migrated(column)
  }

  /// What a row says that was written before `column` existed.
  private func migrated(_ column: RunRecord.CodingKeys) -> String? {
    guard !table.has(column) else { return nil }
    return switch column {
    case .fileSystem: GuestFileSystem.none.rawValue
    case .thinkTimeSeconds: "0"
    case .busyGuests: text(.guests)
    default: nil
    }
  }

  /// Whether the field of `column` says `true`; nil where it is empty, or something else. Spreadsheets write `TRUE`.
  func bool(_ column: RunRecord.CodingKeys) -> Bool? {
    switch text(column)?.lowercased() {
    case "true": true
    case "false": false
    default: nil
    }
  }

  /// The whole number of `column`.
  func integer(_ column: RunRecord.CodingKeys) throws(CSVText.Fault) -> Int {
    let text = try required(column)
    guard let number = Int(text) else {
      throw CSVText.Fault(line: line, reason: "\(column.rawValue) is no whole number: '\(text)'")
    }
    return number
  }

  /// The number of `column`, finite and not negative.
  func number(_ column: RunRecord.CodingKeys) throws(CSVText.Fault) -> Double {
    let text = try required(column)
    guard let number = Double(text), number.isFinite, number >= 0 else {
      throw CSVText.Fault(line: line, reason: "\(column.rawValue) is no number of 0 or more: '\(text)'")
    }
    return number
  }

  /// The number of `column`; nil where the field is empty, or the file is older than the column.
  func optionalNumber(_ column: RunRecord.CodingKeys) throws(CSVText.Fault) -> Double? {
    guard let text = text(column), !text.isEmpty else { return nil }
    return try number(column)
  }

  /// How many requests the row's exits and CPU times stand for.
  ///
  /// Of a Linux guest these belong to a part of fio's phase, whose requests are known by the quotient of the exits.
  func windowRequests() throws(CSVText.Fault) -> Double {
    let requests = try number(.ios)
    guard text(.guest) == GuestKind.linux.rawValue else { return requests }
    let quotient = try number(.vmexitsPerIO)
    if quotient > 0 { return try number(.vmexits) / quotient }
    return min(requests, try number(.iops) * number(.windowSeconds))
  }

  private func required(_ column: RunRecord.CodingKeys) throws(CSVText.Fault) -> String {
    guard table.has(column) || migrated(column) != nil else {
      throw CSVText.Fault(line: 1, reason: "the file has no column \(column.rawValue)")
    }
    return try table.text(column, ofRow: index) ?? migrated(column) ?? ""
  }
}
