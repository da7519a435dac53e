import Foundation

/// What a column is for when rows are compared.
enum ColumnRole: Sendable {
  /// Which row this is: never compared.
  case identity
  /// The machine: rows of different ones are not comparable.
  case host
  /// What was measured: only rows that agree are compared with each other.
  case configuration
  /// Where it ran on the host: shown where it differs.
  case placement
  /// What came out.
  case result
}

/// What rows of a version that lacks a column mean by that.
enum ColumnAbsence: Equatable, Sendable {
  /// The value is not known.
  case unknown
  /// This value. A configuration with it is the same as one of a version that lacks the column.
  case value(String)
  /// The value of the column of this name, likewise.
  case sameAs(String)
}

/// A column of a row, whatever the type of its values.
protocol AnyRecordColumn: AnyObject, Sendable {
  /// Its name in CSV and JSON.
  var name: String { get }
  /// Its name in versions before 5.
  var formerName: String? { get }
  var role: ColumnRole { get }
  /// The unit, as results/SCHEMA.md has it; empty if there is none.
  var unit: String { get }
  /// The meaning, as results/SCHEMA.md has it.
  var meaning: String { get }
  var absence: ColumnAbsence { get }
  /// How boots are compared by the column; nil if they are not.
  var comparison: ColumnComparison? { get }
  /// The kind of its values.
  var kind: FieldValue.Kind { get }
  /// Whether a row may have no value.
  var isOptional: Bool { get }

  /// The word that stands for `word`, which may be of an earlier version.
  func current(_ word: String) -> String
  /// The value that the row of `source` has.
  func field(of source: RecordSource) -> FieldValue
  /// `field` as it stands in a CSV file, not yet quoted; empty if it is unknown.
  func text(_ field: FieldValue) -> String
  /// Reads the value from a JSON object.
  func field(in container: KeyedDecodingContainer<ColumnKey>) throws -> FieldValue
}

extension AnyRecordColumn {
  /// Whether its values are names or releases, which may look like numbers.
  var isText: Bool { kind == .text }
}

/// A column of a row, whose values have the type `Value`.
final class RecordColumn<Value: ColumnValue>: AnyRecordColumn {
  let name: String
  let formerName: String?
  let role: ColumnRole
  let unit: String
  let meaning: String
  let absence: ColumnAbsence
  let comparison: ColumnComparison?
  private let formerWords: [String: String]
  private let digits: Int
  private let value: @Sendable (RecordSource) -> Value

  /// A column.
  ///
  /// - Parameters:
  ///   - formerName: Its name in versions before 5.
  ///   - formerWords: Words of versions before 5, and the current ones in their place.
  ///   - digits: Digits after the decimal point in CSV.
  ///   - absence: What rows without the column mean by that.
  ///   - comparison: How boots are compared by it.
  ///   - value: The value of a row.
  init(
    _ name: String, _ role: ColumnRole, unit: String = "", formerName: String? = nil,
    formerWords: [String: String] = [:], digits: Int = 3, absence: ColumnAbsence = .unknown,
    comparison: ColumnComparison? = nil, _ meaning: String, value: @escaping @Sendable (RecordSource) -> Value
  ) {
    self.name = name
    self.role = role
    self.unit = unit
    self.formerName = formerName
    self.formerWords = formerWords
    self.digits = digits
    self.absence = absence
    self.comparison = comparison
    self.meaning = meaning
    self.value = value
  }

  var kind: FieldValue.Kind { Value.kind }

  var isOptional: Bool { Value(.unknown) != nil }

  func current(_ word: String) -> String { formerWords[word] ?? word }

  func field(of source: RecordSource) -> FieldValue {
    let field = value(source).field
    guard case .text(let text) = field, text.utf8.contains(where: CSVText.isControl) else { return field }
    // A guest or a job file may have said it. No file of rows may hold it.
    return .text(
      String(decoding: text.utf8.map { CSVText.isControl($0) ? UInt8(ascii: "?") : $0 }, as: UTF8.self))
  }

  func text(_ field: FieldValue) -> String {
    switch field {
    case .unknown: ""
    case .text(let text): text
    case .flag(let flag): String(flag)
    case .integer(let number): String(number)
    case .count(let number): String(number)
    case .number(let number): String(format: "%.\(digits)f", number)
    }
  }

  func field(in container: KeyedDecodingContainer<ColumnKey>) throws -> FieldValue {
    let key = ColumnKey(stringValue: name)
    guard try container.contains(key) && !container.decodeNil(forKey: key) else {
      guard isOptional else {
        throw DecodingError.keyNotFound(
          key, .init(codingPath: container.codingPath, debugDescription: "the row has no \(name)"))
      }
      return .unknown
    }
    let field: FieldValue =
      switch Value.kind {
      case .text: .text(current(try container.decode(String.self, forKey: key)))
      case .flag: .flag(try container.decode(Bool.self, forKey: key))
      case .integer: .integer(try container.decode(Int.self, forKey: key))
      case .count: .count(try container.decode(UInt64.self, forKey: key))
      case .number: .number(try container.decode(Double.self, forKey: key))
      }
    if case .text(let text) = field, text.utf8.contains(where: CSVText.isControl) {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: container, debugDescription: "\(name) holds a control character")
    }
    guard Value(field) != nil else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: container, debugDescription: "\(text(field)) is not a value of \(name)")
    }
    return field
  }
}

/// A column, named in code: `\.iops`.
typealias ColumnPath<Value: ColumnValue> = KeyPath<RecordColumns, RecordColumn<Value>>

/// A column's name as a key in JSON.
struct ColumnKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }

  init?(intValue: Int) { return nil }
}
