/// One row of a CSV file: one guest in one boot.
struct Row: Equatable, Sendable {
  /// The line of the file, from 1.
  let line: Int
  /// The fields, in the file's order.
  let fields: [String]
  /// Where the file has each column.
  let places: [String: Int]

  /// The field of `column`, or nil if the file lacks the column.
  func text(_ column: RunRecord.CodingKeys) -> String? {
    places[column.rawValue].map { fields[$0] }
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

  private func required(_ column: RunRecord.CodingKeys) throws(CSVText.Fault) -> String {
    guard let text = text(column) else {
      throw CSVText.Fault(line: line, reason: "the file has no column \(column.rawValue)")
    }
    return text
  }
}
