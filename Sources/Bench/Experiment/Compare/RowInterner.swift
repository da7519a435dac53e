/// Stores once what many rows have in common, so that 100,000 boots need little more memory than their metrics.
struct RowInterner {
  /// The configurations that were seen, in that order.
  private(set) var keys: [ConfigurationKey] = []
  private let ignored: Set<String>
  private var placeByText: [String: Int] = [:]
  private var placeByKey: [ConfigurationKey: Int] = [:]
  private var texts: Set<String> = []
  private var hosts: [HostIdentity: HostIdentity] = [:]

  /// Nothing was seen yet.
  ///
  /// - Parameter ignored: Columns of the configuration that do not tell boots apart.
  init(ignoring ignored: Set<String>) { self.ignored = ignored }

  private static let columns = RecordColumns.columns(of: .configuration)

  /// The place in ``keys`` of what `row` measured.
  mutating func configuration(of row: Row) -> Int {
    var text = ""
    for column in Self.columns {
      text += row.text(of: column) ?? ""
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

  /// The host of `row`, whose texts are stored once.
  mutating func host(of row: Row) throws(CSVText.Fault) -> HostIdentity {
    let host = try HostIdentity(row)
    if let known = hosts[host] { return known }
    hosts[host] = host
    return host
  }
}
