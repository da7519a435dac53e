import Foundation
import GRDB

/// The points of files of rows, so that a history of a million rows need not read them all again.
///
/// ```
/// file(id, path, state)               state: what stat(2) said when the file was read
/// series(id, host, configuration)     as JSON
/// point(file, series, revision, started_at, boots, and a column for each metric)
/// ```
final class HistoryCache {
  private let queue: DatabaseQueue
  private var hosts: [Int64: (HostIdentity, ConfigurationKey)] = [:]

  /// In the user's cache: `$XDG_CACHE_HOME/vext/history-N.sqlite`, where N is the version of the columns.
  static var defaultPath: String {
    "\(CalibrationStore.userCacheFolder)/history-\(RunRecord.currentSchemaVersion).sqlite"
  }

  private static let metricColumns = Metric.allCases.map { "metric_\($0.rawValue)" }
  private static let pointColumns = ["file", "series", "revision", "started_at", "boots"] + metricColumns

  /// Opens the database at `path`, or makes it: at the default path if it is nil.
  init(path: String?) throws {
    queue = try CacheDatabase.open(path ?? Self.defaultPath, kind: .history, isNamed: path != nil) {
      database in
      let names = try database.tableExists("point") ? database.columns(in: "point").map(\.name) : []
      guard names != Self.pointColumns else { return }
      let metrics = Self.metricColumns.map { "\"\($0)\" REAL" }.joined(separator: ", ")
      try database.execute(
        sql: """
          DROP TABLE IF EXISTS point; DROP TABLE IF EXISTS file; DROP TABLE IF EXISTS series;
          CREATE TABLE file(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, state TEXT NOT NULL);
          CREATE TABLE series(id INTEGER PRIMARY KEY, host TEXT NOT NULL, configuration TEXT NOT NULL, UNIQUE(host, configuration));
          CREATE TABLE point(file INTEGER NOT NULL REFERENCES file(id) ON DELETE CASCADE, series INTEGER NOT NULL,
            revision TEXT NOT NULL, started_at TEXT NOT NULL, boots INTEGER NOT NULL, \(metrics));
          CREATE INDEX point_file ON point(file)
          """)
    }
  }

  /// The groups of the file at `path`: as they were read before if the file has not changed since.
  func groups(ofFile path: String) throws -> [HistoryGroup] {
    let place = URL(filePath: path).standardizedFileURL.path
    let state = try CacheDatabase.state(of: path)
    do {
      if let known = try queue.read({ try self.load(place, state, $0) }) { return known }
      let groups = try HistoryGroup.groups(ofFile: path)
      try queue.write { try self.store(groups, place, state, $0) }
      return groups
    } catch let error as DatabaseError {
      throw BenchFailure(
        "the database of points: \(error.reason)", exitCode: .ioError)
    }
  }

  private func load(_ path: String, _ state: String, _ database: Database) throws -> [HistoryGroup]? {
    guard
      let file = try Int64.fetchOne(
        database, sql: "SELECT id FROM file WHERE path = ? AND state = ?", arguments: [path, state])
    else { return nil }
    let cursor = try GRDB.Row.fetchCursor(
      database, sql: "SELECT * FROM point WHERE file = ?", arguments: [file])
    var groups: [HistoryGroup] = []
    while let row = try cursor.next() {
      guard let (host, configuration) = try series(row[1], database) else { return nil }
      groups.append(
        HistoryGroup(
          host: host, configuration: configuration, revision: row[2], startedAt: row[3], bootCount: row[4],
          medians: (5..<Self.pointColumns.count).map { row[$0] }))
    }
    return groups
  }

  /// The series with this identifier; nil if it is no series of this bench, whose files are then read again.
  private func series(_ identifier: Int64, _ database: Database) throws -> (HostIdentity, ConfigurationKey)? {
    if let known = hosts[identifier] { return known }
    guard
      let row = try GRDB.Row.fetchOne(
        database, sql: "SELECT host, configuration FROM series WHERE id = ?", arguments: [identifier])
    else { return nil }
    let texts: (host: String, configuration: String) = (row[0], row[1])
    guard let host = try? JSONDecoder().decode(HostIdentity.self, from: Data(texts.host.utf8)),
      let configuration = try? JSONDecoder().decode(
        ConfigurationKey.self, from: Data(texts.configuration.utf8))
    else { return nil }
    hosts[identifier] = (host, configuration)
    return (host, configuration)
  }

  private func store(_ groups: [HistoryGroup], _ path: String, _ state: String, _ database: Database) throws {
    try database.execute(sql: "DELETE FROM file WHERE path = ?", arguments: [path])
    try database.execute(sql: "INSERT INTO file(path, state) VALUES (?, ?)", arguments: [path, state])
    let file = database.lastInsertedRowID
    let marks = databaseQuestionMarks(count: Self.pointColumns.count)
    let insertion = try database.makeStatement(sql: "INSERT INTO point VALUES (\(marks))")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    for group in groups {
      let host = String(decoding: try encoder.encode(group.host), as: UTF8.self)
      let configuration = String(decoding: try encoder.encode(group.configuration), as: UTF8.self)
      try database.execute(
        sql: "INSERT OR IGNORE INTO series(host, configuration) VALUES (?, ?)",
        arguments: [host, configuration])
      let series = try Int64.fetchOne(
        database, sql: "SELECT id FROM series WHERE host = ? AND configuration = ?",
        arguments: [host, configuration])
      var values: [DatabaseValue] = [
        file.databaseValue, series?.databaseValue ?? .null, group.revision.databaseValue,
        group.startedAt.databaseValue, group.bootCount.databaseValue,
      ]
      values += group.medians.map { $0?.databaseValue ?? .null }
      insertion.setUncheckedArguments(StatementArguments(values))
      try insertion.execute()
    }
  }
}
