/// One CSV row: one guest in one boot.
///
/// The columns are those of ``RecordColumns``; each is a member of its name there: `record.iops`.
@dynamicMemberLookup
struct RunRecord: Equatable, Sendable {
  /// The version of the columns; a change of meaning, name or order makes a new one.
  static let currentSchemaVersion = 7

  /// By the columns' names.
  private var fields: [String: FieldValue] = [:]

  /// The row of `measurement`, taken in `cell` of the run that `context` describes.
  init(context: RunContext, cell: RunCell, measurement: CellMeasurement) {
    let source = RecordSource(context: context, cell: cell, measurement: measurement)
    for column in RecordColumns.all { fields[column.name] = column.field(of: source) }
  }

  subscript<Value>(dynamicMember column: ColumnPath<Value>) -> Value {
    get {
      let name = RecordColumns.table[keyPath: column].name
      guard let value = Value(fields[name] ?? .unknown) else {
        preconditionFailure("\(name) holds a value of another type")
      }
      return value
    }
    set { fields[RecordColumns.table[keyPath: column].name] = newValue.field }
  }

  /// The text of a column in CSV, not yet quoted; empty if the value is unknown.
  func text(of column: any AnyRecordColumn) -> String { column.text(fields[column.name] ?? .unknown) }

  /// The text of a column in CSV, not yet quoted; empty if the value is unknown.
  func text<Value>(_ column: ColumnPath<Value>) -> String { text(of: RecordColumns.table[keyPath: column]) }
}

extension RunRecord: Codable {
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: ColumnKey.self)
    for column in RecordColumns.all { fields[column.name] = try column.field(in: container) }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: ColumnKey.self)
    for column in RecordColumns.all {
      let key = ColumnKey(stringValue: column.name)
      switch fields[column.name] ?? .unknown {
      case .unknown: break
      case .text(let text): try container.encode(text, forKey: key)
      case .flag(let flag): try container.encode(flag, forKey: key)
      case .integer(let number): try container.encode(number, forKey: key)
      case .count(let number): try container.encode(number, forKey: key)
      case .number(let number): try container.encode(number, forKey: key)
      }
    }
  }
}
