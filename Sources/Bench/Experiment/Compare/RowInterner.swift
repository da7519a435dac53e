/// Stores once what many rows have in common, so that 100,000 boots need little more memory than their metrics.
struct RowInterner {
  /// The configurations that were seen, in that order.
  private(set) var keys: [ConfigurationKey] = []
  private let ignored: Set<String>
  private var placeByText: [String: Int] = [:]
  private var placeByKey: [ConfigurationKey: Int] = [:]
  private var texts: Set<String> = []
  /// The places of the columns in the last row's table.
  private var places: (table: RowTable?, places: [Int?]) = (nil, [])
  private var doubts: Set<Set<TrustIssue>> = []
  private var origins: Set<BootOrigin> = []

  /// Nothing was seen yet.
  ///
  /// - Parameter ignored: Columns of the configuration that do not tell boots apart.
  init(ignoring ignored: Set<String>) { self.ignored = ignored }

  private static let columns = RecordColumns.columns(of: .configuration)

  /// The place in ``keys`` of what `row` measured.
  mutating func configuration(of row: Row) -> Int {
    var text = ""
    if places.table !== row.table { places = (row.table, Self.columns.map { row.table.place(of: $0) }) }
    for (column, place) in zip(Self.columns, places.places) {
      text += row.text(of: column, at: place) ?? ""
      text += "\u{1F}"
    }
    if let place = placeByText[text] { return place }
    let key = ConfigurationKey(row, ignoring: ignored)
    let place = placeByKey[key] ?? keys.count
    if place == keys.count {
      keys.append(key)
      placeByKey[key] = place
    }
    placeByText[text] = place
    return place
  }

  /// A text that is stored once.
  mutating func shared(_ text: String) -> String { texts.insert(text).memberAfterInsert }

  /// Marks that are stored once.
  mutating func shared(_ issues: Set<TrustIssue>) -> Set<TrustIssue> {
    doubts.insert(issues).memberAfterInsert
  }

  /// An origin that is stored once.
  mutating func shared(_ origin: BootOrigin) -> BootOrigin { origins.insert(origin).memberAfterInsert }
}
