/// What was measured, by the columns that say so: only boots with the same key are compared.
struct ConfigurationKey: Hashable, Codable, Sendable {
  /// Value by column.
  private(set) var values: [String: String]

  /// The key of `row`, without the columns `ignored`.
  init(_ row: Row, ignoring ignored: Set<String> = []) {
    values = [:]
    for column in RunRecord.CodingKeys.columns(of: .configuration) where !ignored.contains(column.rawValue) {
      guard let text = row.text(column), !text.isEmpty else { continue }
      // Rows of earlier versions, which lack the columns, and rows that do without them are the same.
      if column.isSinceVersion2, text == GuestFileSystem.none.rawValue || Double(text) == 0 { continue }
      if column == .busyGuests, text == row.text(.guests) { continue }
      values[column.rawValue] = text
    }
  }

  init(from decoder: any Decoder) throws {
    values = try decoder.singleValueContainer().decode([String: String].self)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(values)
  }

  /// The columns in which `keys` do not all agree, in the order of the file.
  static func varyingColumns(of keys: some Sequence<ConfigurationKey>) -> [String] {
    RunRecord.CodingKeys.columns(of: .configuration).map(\.rawValue).filter { column in
      Set(keys.map { $0.values[column] }).count > 1
    }
  }

  /// A title that names the mode and the columns that tell this key from others.
  func title(varying columns: [String]) -> String {
    let mode = RunRecord.CodingKeys.mode.rawValue
    let rest = columns.filter { $0 != mode }.compactMap { column in values[column].map { "\(column)=\($0)" } }
    return ([values[mode] ?? "all modes"] + rest).joined(separator: " ")
  }

  /// The key without `columns`.
  func removing(_ columns: Set<String>) -> ConfigurationKey {
    var key = self
    for column in columns { key.values[column] = nil }
    return key
  }

  /// The key with another value of `column`.
  func replacing(_ column: String, with value: String) -> ConfigurationKey {
    var key = self
    key.values[column] = value
    return key
  }

  /// Every column and value, for comparing by eye and for sorting.
  var fullTitle: String {
    values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }
}
