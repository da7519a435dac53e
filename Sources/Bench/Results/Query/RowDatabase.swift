import Foundation
import GRDB

/// Rows of many files in one SQLite database, so that a query over a million rows need not read them all again.
///
/// The files stay what counts: a file that has changed since it was read (size, inode, time of change) is read again before a query, and one
/// that is gone is not seen. The database can be deleted at any time.
///
/// ```
/// file(id, path, state)     state: what stat(2) said when the file was read
/// boot(file, line, ...)     a row of the file, with a column for each of results/SCHEMA.md
/// rows                      a view for the user: what boot has of the files of this query, with the file's path
/// ```
struct RowDatabase {
  private let queue: DatabaseQueue

  /// In the user's cache: `$XDG_CACHE_HOME/vext/rows-N.sqlite`, where N is the version of the columns.
  static var defaultPath: String {
    "\(CalibrationStore.userCacheFolder)/rows-\(RunRecord.currentSchemaVersion).sqlite"
  }

  /// Opens the database at `path`, or makes it: at the default path if it is nil. Replaces a database that is damaged or has other columns.
  init(path: String?) throws {
    queue = try CacheDatabase.open(path ?? Self.defaultPath, kind: .rows, isNamed: path != nil) { database in
      let names = try database.tableExists("boot") ? database.columns(in: "boot").map(\.name) : []
      guard names != Self.columnNames else { return }
      try database.execute(sql: "DROP TABLE IF EXISTS boot; DROP TABLE IF EXISTS file")
      try database.execute(
        sql: "CREATE TABLE file(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, state TEXT NOT NULL)")
      let columns = RecordColumns.all.map { "\(Self.quoted($0.name)) \($0.storage)" }.joined(separator: ", ")
      try database.execute(
        sql: """
          CREATE TABLE boot(file INTEGER NOT NULL REFERENCES file(id) ON DELETE CASCADE, line INTEGER NOT NULL, \(columns));
          CREATE INDEX boot_file ON boot(file)
          """)
    }
  }

  private static let columnNames = ["file", "line"] + RecordColumns.all.map { $0.name }

  private static func quoted(_ name: String) -> String {
    "\"\(name.replacingOccurrences(of: "\"", with: "\"\""))\""
  }

  /// Runs `sql`, one statement that only reads, over the rows of the files below `places`.
  ///
  /// Afterwards, the connection answers queries only.
  ///
  /// - Parameters:
  ///   - columns: Gets the names of the result's columns.
  ///   - line: Gets each line of the result.
  /// - Throws: ``BenchFailure`` for a file that cannot be read, for what SQLite says of the statement, and for a result beyond `limits`.
  func query(
    _ sql: String, places: [String], limits: QueryLimits = .standard, columns: ([String]) throws -> Void,
    line: ([QueryValue]) throws -> Void
  ) throws {
    let files = try refresh(places)
    let clock = QueryClock(queue, limit: limits.time)
    try queue.inDatabase { database in
      try select(files, database)
      ReadAuthorizer.install(on: database)
      let statement = try Self.statement(sql, database)
      try columns(statement.columnNames)
      var count = 0
      do {
        let cursor = try GRDB.Row.fetchCursor(statement)
        while let values = try clock.measure({ try cursor.next().map { Array($0.databaseValues) } }) {
          count += 1
          guard count <= limits.rows else {
            throw BenchFailure(
              "the result has more than \(limits.rows) lines; --max-rows N allows more, and LIMIT in the statement makes fewer",
              exitCode: .dataError)
          }
          try line(values.map(QueryValue.init))
        }
      } catch let error as DatabaseError {
        throw BenchFailure(
          clock.isOver
            ? "the query took longer than \(limits.time); --time-limit TIME allows more"
            : "SQL: \(error.reason)", exitCode: .dataError)
      }
    }
  }

  private static func statement(_ sql: String, _ database: Database) throws -> Statement {
    let refusal = BenchFailure(
      "SQL: the statement does more than read: a query only reads, by one SELECT, WITH, VALUES or EXPLAIN",
      exitCode: .usage)
    do {
      let statement = try database.makeStatement(sql: sql)
      // SQLite asks its authorizer about VACUUM only when that runs.
      guard statement.isReadonly else { throw refusal }
      return statement
    } catch let error as DatabaseError {
      if error.resultCode == .SQLITE_AUTH { throw refusal }
      // GRDB found more after the first statement.
      if error.resultCode == .SQLITE_MISUSE {
        throw BenchFailure("SQL: a query is one statement, and this is more", exitCode: .usage)
      }
      throw BenchFailure("SQL: \(error.reason)", exitCode: .usage)
    }
  }

  /// Makes the view of the files with these identifiers.
  private func select(_ files: [Int64], _ database: Database) throws {
    try database.execute(
      sql: """
        DROP VIEW IF EXISTS temp.rows;
        DROP TABLE IF EXISTS temp.chosen;
        CREATE TEMP TABLE chosen(file INTEGER PRIMARY KEY)
        """)
    for file in files { try database.execute(sql: "INSERT INTO chosen VALUES (?)", arguments: [file]) }
    let columns = RecordColumns.all.map { "boot.\(Self.quoted($0.name))" }.joined(separator: ", ")
    try database.execute(
      sql: """
        CREATE TEMP VIEW rows AS SELECT file.path AS file, boot.line, \(columns)
        FROM boot JOIN chosen ON boot.file = chosen.file JOIN file ON file.id = boot.file
        """)
  }

  // MARK: Reading files

  /// Reads what is new or changed below `places`, and returns the identifiers of all files there.
  private func refresh(_ places: [String]) throws -> [Int64] {
    var files: [Int64] = []
    for place in places {
      for path in try RowFileSearch.csvFiles(below: place) where try RowFileSearch.holdsRows(path) {
        files.append(try refresh(file: URL(filePath: path).standardizedFileURL.path))
      }
    }
    guard !files.isEmpty else {
      throw BenchFailure(
        "\(places.joined(separator: ", ")): no rows of bench there", exitCode: .noInput)
    }
    return Array(Set(files))
  }

  private func refresh(file path: String) throws -> Int64 {
    let state = try CacheDatabase.state(of: path)
    do {
      let known = try queue.read { database in
        try Int64.fetchOne(
          database, sql: "SELECT id FROM file WHERE path = ? AND state = ?", arguments: [path, state])
      }
      if let known { return known }
      let rows = try RowFile(path: path).rows
      return try queue.write { database in
        try database.execute(sql: "DELETE FROM file WHERE path = ?", arguments: [path])
        try database.execute(
          sql: "INSERT INTO file(path, state) VALUES (?, ?)", arguments: [path, state])
        let file = database.lastInsertedRowID
        let marks = databaseQuestionMarks(count: Self.columnNames.count)
        let insertion = try database.makeStatement(sql: "INSERT INTO boot VALUES (\(marks))")
        let columns = RecordColumns.all
        let places = columns.map { rows.first?.table.place(of: $0) }
        for row in rows {
          // GRDB takes values of any type faster than values of one type, which it reads through a key path.
          var values: [(any DatabaseValueConvertible)?] = [file, row.line]
          values.reserveCapacity(columns.count + 2)
          for (column, place) in zip(columns, places) {
            values.append(column.databaseValue(row.text(of: column, at: place)))
          }
          insertion.setUncheckedArguments(StatementArguments(values))
          try insertion.execute()
        }
        return file
      }
    } catch let error as DatabaseError {
      throw BenchFailure(
        "the database of rows: \(error.reason)", exitCode: .ioError)
    }
  }
}

extension AnyRecordColumn {
  /// The type of the column in SQLite.
  fileprivate var storage: String {
    switch kind {
    case .text: "TEXT"
    case .flag, .integer, .count: "INTEGER"
    case .number: "REAL"
    }
  }

  /// The value of a field: NULL where it is empty; text where it is a count that is too large for an Int64, of which SQLite makes a REAL.
  fileprivate func databaseValue(_ text: String?) -> DatabaseValue {
    guard let text, !text.isEmpty else { return .null }
    switch kind {
    case .text: return text.databaseValue
    case .flag:
      switch text.lowercased() {
      case "true": return 1.databaseValue
      case "false": return 0.databaseValue
      default: return text.databaseValue
      }
    case .integer, .count: return Int64(text)?.databaseValue ?? text.databaseValue
    case .number: return Double(text)?.databaseValue ?? text.databaseValue
    }
  }
}
