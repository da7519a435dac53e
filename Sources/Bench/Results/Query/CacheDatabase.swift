import Foundation
import GRDB

/// A SQLite database that holds what can be made again: one that is damaged is replaced, and its owner may delete it at any time.
enum CacheDatabase {
  /// What a database holds, as its SQLite header says (`application_id`), so that no other program's file is taken for a cache.
  enum Kind: Int32 {
    /// Rows, of ``RowDatabase``: "vxtr".
    case rows = 0x7678_7472
    /// Points, of ``HistoryCache``: "vxth".
    case history = 0x7678_7468
  }

  /// Opens the database at `path`, or makes it.
  ///
  /// - Parameters:
  ///   - isNamed: Whether the user named the file. Then it must be absent, empty or a cache of this kind. Files at the default path are bench's.
  ///   - prepare: Makes the tables, or makes them again if they are not as they should be.
  /// - Throws: ``BenchFailure`` for a named file that holds something else, which stays as it is.
  static func open(
    _ path: String, kind: Kind, isNamed: Bool, prepare: @escaping (Database) throws -> Void
  ) throws -> DatabaseQueue {
    if isNamed { try refuseOthers(path, kind) }
    do {
      try FileManager.default.makeParentFolder(of: path, attributes: [.posixPermissions: 0o700])
      do {
        return try opened(path, kind, prepare)
      } catch let error as DatabaseError where [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode) {
        try FileManager.default.removeItem(atPath: path)
        return try opened(path, kind, prepare)
      }
    } catch {
      let reason = (error as? DatabaseError)?.reason ?? error.plainWords
      throw BenchFailure("cannot open the database \(path): \(reason)", exitCode: .cannotCreate)
    }
  }

  /// The first bytes of each database of SQLite (https://www.sqlite.org/fileformat2.html, section 1.3).
  private static let magic = Data("SQLite format 3\0".utf8)
  /// Where its `application_id` is, most significant byte first.
  private static let identifierPlace = 68..<72

  /// Refuses a file that is there and is no cache of `kind`.
  private static func refuseOthers(_ path: String, _ kind: Kind) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    let refusal = BenchFailure(
      "--database \(path): the file exists and is not a cache of this command; name another, or one that does not exist",
      exitCode: .cannotCreate)
    // A link counts as what it leads to. A pipe has no end, and a folder no header.
    let target = URL(filePath: path).resolvingSymlinksInPath().path
    guard let type = try? FileManager.default.attributesOfItem(atPath: target)[.type] as? FileAttributeType,
      type == .typeRegular, let handle = try? FileHandle(forReadingFrom: URL(filePath: path))
    else { throw refusal }
    // Nothing was written through it.
    defer { try? handle.close() }
    guard let header = try? handle.read(upToCount: identifierPlace.upperBound) ?? Data() else {
      throw refusal
    }
    if header.isEmpty { return }
    guard header.count == identifierPlace.upperBound, header.starts(with: magic),
      header[identifierPlace].reduce(0, { $0 << 8 | Int32($1) }) == kind.rawValue
    else { throw refusal }
  }

  private static func opened(_ path: String, _ kind: Kind, _ prepare: @escaping (Database) throws -> Void)
    throws
    -> DatabaseQueue
  {
    var configuration = Configuration()
    // Another bench may be reading files in.
    configuration.busyMode = .timeout(60)
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.write { database in
      if try Int32.fetchOne(database, sql: "PRAGMA application_id") != kind.rawValue {
        try database.execute(sql: "PRAGMA application_id = \(kind.rawValue)")
      }
      try prepare(database)
    }
    return queue
  }

  /// Changes when files are refused that an earlier bench read.
  private static let readerVersion = 2

  /// What changes with the contents of the file at `path`, and with what bench makes of them.
  static func state(of path: String) throws -> String {
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      let (size, inode) = (attributes[.size] as? UInt64 ?? 0, attributes[.systemFileNumber] as? UInt64 ?? 0)
      return "\(size) \(inode) \(time) \(readerVersion)"
    } catch {
      throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
    }
  }
}

extension DatabaseError {
  /// SQLite's own words, or the name of its result where it has none.
  var reason: String { message ?? "\(resultCode)" }
}
