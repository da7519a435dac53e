import Foundation
import GRDB

/// A SQLite database that holds what can be made again: one that is damaged is replaced, and its owner may delete it at any time.
enum CacheDatabase {
  /// Opens the database at `path`, or makes it.
  ///
  /// - Parameter prepare: Makes the tables, or makes them again if they are not as they should be.
  static func open(_ path: String, prepare: @escaping (Database) throws -> Void) throws -> DatabaseQueue {
    do {
      try FileManager.default.makeParentFolder(of: path, attributes: [.posixPermissions: 0o700])
      do {
        return try opened(path, prepare)
      } catch let error as DatabaseError where [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode) {
        try FileManager.default.removeItem(atPath: path)
        return try opened(path, prepare)
      }
    } catch {
      let reason = (error as? DatabaseError)?.reason ?? error.localizedDescription
      throw BenchFailure("cannot open the database \(path): \(reason)", exitCode: .cannotCreate)
    }
  }

  private static func opened(_ path: String, _ prepare: (Database) throws -> Void) throws -> DatabaseQueue {
    var configuration = Configuration()
    // Another bench may be reading files in.
    configuration.busyMode = .timeout(60)
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.write(prepare)
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
      throw BenchFailure("cannot read \(path): \(error.localizedDescription)", exitCode: .noInput)
    }
  }
}

extension DatabaseError {
  /// SQLite's own words, or the name of its result where it has none.
  var reason: String { message ?? "\(resultCode)" }
}
