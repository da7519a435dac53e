/// The values of a row's configuration columns. Only boots with the same key are compared.
struct ConfigurationKey: Sendable {
  /// Value by column.
  let values: [String: String]
  /// All of it as one text: equal texts are equal keys.
  private let text: String

  private init(_ values: [String: String]) {
    self.values = values
    text = values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\u{1F}" }.joined()
  }

  /// The key of `row`, without the columns `ignored`.
  init(_ row: Row, ignoring ignored: Set<String> = []) {
    var values: [String: String] = [:]
    for column in RecordColumns.columns(of: .configuration) where !ignored.contains(column.name) {
      guard let field = row.text(of: column), !field.isEmpty else { continue }
      let text = Self.normalized(field, of: column)
      // Same key as rows of earlier versions, which lack the column.
      switch column.absence {
      case .value(text): continue
      case .sameAs(let name) where RecordColumns.column(named: name).flatMap({ row.text(of: $0) }) == text:
        continue
      case .unknown, .value, .sameAs: values[column.name] = text
      }
    }
    self.init(values)
  }

  /// A spreadsheet writes `0.100` as `0.1` and `true` as `TRUE`: the same values.
  private static func normalized(_ text: String, of column: any AnyRecordColumn) -> String {
    if column.isText { return text }
    if DecimalText.isInteger(text.utf8) { return text }
    if let number = DecimalText.number(text) {
      return number == number.rounded() && abs(number) < 1e15 ? String(Int64(number)) : String(number)
    }
    let lowercase = text.lowercased()
    return lowercase == "true" || lowercase == "false" ? lowercase : text
  }

  /// The columns in which `keys` do not all agree, in the order of the file.
  static func varyingColumns(of keys: some Sequence<ConfigurationKey>) -> [String] {
    let distinct = Set(keys)
    return RecordColumns.columns(of: .configuration).map { $0.name }.filter { column in
      Set(distinct.map { $0.values[column] }).count > 1
    }
  }

  /// A title that names the mode and the columns that tell this key from others.
  func title(varying columns: [String]) -> String {
    let mode = RecordColumns.table.mode.name
    let rest = columns.filter { $0 != mode }.compactMap { column in values[column].map { "\(column)=\($0)" } }
    return ([values[mode] ?? "all modes"] + rest).joined(separator: " ")
  }

  /// The key without `columns`.
  func removing(_ columns: Set<String>) -> ConfigurationKey {
    ConfigurationKey(values.filter { !columns.contains($0.key) })
  }

  /// The key with another value of `column`.
  func replacing(_ column: String, with value: String) -> ConfigurationKey {
    ConfigurationKey(values.merging([column: value]) { $1 })
  }

  /// Every column and value, for comparing by eye and for sorting.
  var fullTitle: String {
    values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }
}

extension ConfigurationKey: Hashable {
  static func == (left: ConfigurationKey, right: ConfigurationKey) -> Bool { left.text == right.text }

  func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension ConfigurationKey: Codable {
  init(from decoder: any Decoder) throws {
    let values = try decoder.singleValueContainer().decode([String: String].self)
    let current = values.map { name, value -> (String, String) in
      guard let column = RecordColumns.column(named: name) else { return (name, value) }
      return (column.name, Self.normalized(column.current(value), of: column))
    }
    self.init(Dictionary(current) { first, _ in first })
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(values)
  }
}
