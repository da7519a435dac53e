import GRDB
import GRDBSQLite

/// Restricts a connection to SQLite to statements that read.
///
/// SQLite asks its authorizer about everything that a statement does while it compiles the statement
/// (https://www.sqlite.org/c3ref/set_authorizer.html), so that no text of a statement has to be understood here.
enum ReadAuthorizer {
  /// The longest text of a result.
  static let largestValueByteCount: Int32 = 16 << 20

  /// From now on, `database` compiles nothing but statements that read tables: no write, ATTACH, PRAGMA or transaction. GRDB needs its own
  /// authorizer, which this one replaces, for statements that write only.
  static func install(on database: Database) {
    // SAFETY: the connection is open while GRDB lends `database`; the function has no context and keeps nothing.
    unsafe sqlite3_set_authorizer(
      database.sqliteConnection,
      { _, action, _, _, _, _ in
        switch action {
        case SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE: SQLITE_OK
        default: SQLITE_DENY
        }
      }, nil)
    // SAFETY: as above.
    unsafe sqlite3_limit(database.sqliteConnection, SQLITE_LIMIT_LENGTH, largestValueByteCount)
  }
}
