extension RecordColumns {
  /// The only value of this type.
  static let table = RecordColumns()

  /// All columns, in the order of the file. They are found by reflection, so that a column is declared in one place.
  static let all: [any AnyRecordColumn] = Mirror(reflecting: table).children.compactMap {
    $0.value as? any AnyRecordColumn
  }

  private static let byName: [String: any AnyRecordColumn] = all.reduce(into: [:]) { columns, column in
    columns[column.name] = column
    if let name = column.formerName { columns[name] = column }
  }

  /// The names of earlier versions and the current ones in their place.
  static let currentNames: [String: String] = all.reduce(into: [:]) { names, column in
    if let name = column.formerName { names[name] = column.name }
  }

  /// The column of that name, which may be the one of an earlier version.
  static func column(named name: String) -> (any AnyRecordColumn)? { byName[name] }

  /// The columns of a role, in the order of the file.
  static func columns(of role: ColumnRole) -> [any AnyRecordColumn] { all.filter { $0.role == role } }

  /// The names of the columns that `choice` picks.
  static func names(_ choice: (RecordColumns) -> [any AnyRecordColumn]) -> Set<String> {
    Set(choice(table).map { $0.name })
  }

  /// Why a user cannot name `name` as a column of the configuration, in a sentence; nil if the user can.
  static func objection(toConfigurationColumn name: String) -> String? {
    if let current = currentNames[name] { return "the column is now called \(current)" }
    let columns = columns(of: .configuration).map { $0.name }
    return columns.contains(name)
      ? nil : "the columns of a configuration are \(columns.joined(separator: ", "))"
  }
}

extension RecordColumn where Value == UInt64? {
  /// The column of a cause of vmexits.
  static func cause(_ cause: ExitCause) -> RecordColumn {
    RecordColumn("cause_\(cause.rawValue)", .result, unit: "count", cause.meaning) {
      $0.measurement.causes?.counts[cause]
    }
  }
}
