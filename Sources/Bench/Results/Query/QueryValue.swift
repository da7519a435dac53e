import Foundation
import GRDB

/// A value in the result of a query.
enum QueryValue: Equatable, Sendable {
  case null
  case integer(Int64)
  case number(Double)
  case text(String)

  /// What SQLite answered. Bytes, which no column holds, are shown in hexadecimal.
  init(_ value: DatabaseValue) {
    self =
      switch value.storage {
      case .null: .null
      case .int64(let number): .integer(number)
      case .double(let number): .number(number)
      case .string(let text): .text(text)
      case .blob(let bytes): .text(bytes.map { String(format: "%02x", $0) }.joined())
      }
  }

  /// For a table or a CSV file: NULL is empty.
  var text: String {
    switch self {
    case .null: ""
    case .integer(let number): String(number)
    case .number(let number):
      number == number.rounded() && abs(number) < 1e15 ? String(Int64(number)) : "\(number)"
    case .text(let text): text
    }
  }

  /// For JSON, which has no number that is not finite.
  var json: String {
    switch self {
    case .null: "null"
    case .integer(let number): String(number)
    case .number(let number): number.isFinite ? "\(number)" : "null"
    case .text(let text): Self.json(text)
    }
  }

  /// `text` as JSON has it.
  static func json(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A text is always encoded.
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
  }
}
