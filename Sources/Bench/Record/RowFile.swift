import Foundation

/// The rows of a CSV file that bench wrote.
struct RowFile: Sendable {
  /// Which versions of the rows are taken.
  enum Versions: Sendable {
    /// That of this bench, with its columns in their order: for verdicts.
    case current
    /// Any that is not newer, by the columns' names: for a time line.
    case upToCurrent
  }

  /// The file.
  let path: String
  /// The names of its columns, in order.
  let header: [String]
  /// Its rows, at least one.
  let rows: [Row]

  /// Larger files are no result of ours.
  private static let largestByteCount = 256 << 20

  /// Reads the file at `path`.
  ///
  /// - Throws: ``BenchFailure`` with the line for whatever is not a whole row of the versions asked for.
  init(path: String, versions: Versions = .current) throws {
    self.path = path
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
    } catch {
      throw BenchFailure("cannot read \(path): \(error.localizedDescription)", exitCode: .noInput)
    }
    guard data.count <= Self.largestByteCount else {
      throw BenchFailure("\(path) has \(data.count >> 20) MiB: no file of rows", exitCode: .dataError)
    }
    do throws(CSVText.Fault) {
      let records = try CSVText.records(data)
      rows = try Self.rows(records, versions: versions)
      header = records[0].fields
    } catch {
      throw BenchFailure("\(path):\(error.line): \(error.reason)", exitCode: .dataError)
    }
  }

  /// The rows below the header, which is the first of `records`.
  private static func rows(_ records: [CSVText.Record], versions: Versions) throws(CSVText.Fault) -> [Row] {
    guard let header = records.first else { throw CSVText.Fault(line: 1, reason: "the file is empty") }
    guard records.count > 1 else { throw CSVText.Fault(line: 1, reason: "the file has no row") }
    let places = Dictionary(
      header.fields.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    guard places.count == header.fields.count else {
      throw CSVText.Fault(line: header.line, reason: "a column appears twice")
    }
    var rows: [Row] = []
    for record in records.dropFirst() {
      guard record.fields.count == header.fields.count else {
        throw CSVText.Fault(
          line: record.line,
          reason: "the row has \(record.fields.count) fields, and the header \(header.fields.count)")
      }
      let row = Row(line: record.line, fields: record.fields, places: places)
      try checkVersion(of: row, header: header, versions: versions)
      rows.append(row)
    }
    return rows
  }

  private static func checkVersion(of row: Row, header: CSVText.Record, versions: Versions) throws(CSVText
    .Fault)
  {
    let current = RunRecord.currentSchemaVersion
    let version = try row.integer(.schemaVersion)
    switch versions {
    case .upToCurrent:
      guard (1...current).contains(version) else {
        throw CSVText.Fault(
          line: row.line, reason: "schema version \(version); this bench knows versions 1 to \(current)")
      }
    case .current:
      guard version == current else {
        throw CSVText.Fault(
          line: row.line, reason: "schema version \(version); this bench compares version \(current) only")
      }
      let columns = RunRecord.CodingKeys.allCases.map(\.rawValue)
      guard header.fields != columns else { return }
      let place = zip(header.fields, columns).enumerated().first { $0.element.0 != $0.element.1 }
      let reason =
        place.map { "column \($0.offset + 1) is '\($0.element.0)' instead of '\($0.element.1)'" }
        ?? "\(header.fields.count) columns instead of \(columns.count)"
      throw CSVText.Fault(line: header.line, reason: "\(reason): not schema version \(current)")
    }
  }
}
