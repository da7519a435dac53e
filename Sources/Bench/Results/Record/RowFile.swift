import Foundation

/// The rows of a CSV file that bench wrote, in any version and order of columns up to this bench's.
struct RowFile: Sendable {
  /// The file.
  let path: String
  /// Its content.
  let table: RowTable

  /// Reads the file at `path`. Columns are found by their names: others than bench's are passed over.
  ///
  /// - Throws: ``BenchFailure`` with the line for a row that is damaged or of a newer version, or has a field of another kind than its column.
  init(path: String) throws {
    self.path = path
    let bytes = try Self.bytes(path)
    do throws(CSVText.Fault) {
      table = try RowTable(bytes)
      for index in 0..<table.count { try Self.checkVersion(of: Row(table: table, index: index)) }
      try table.checkKinds()
    } catch {
      throw Self.failure(error, path: path)
    }
  }

  /// The names of its columns, in order.
  var header: [String] { table.header }

  /// Its rows, at least one.
  var rows: LazyMapCollection<Range<Int>, Row> {
    (0..<table.count).lazy.map { [table] in Row(table: table, index: $0) }
  }

  /// The content of the file at `path`, which is stored once.
  private static func bytes(_ path: String) throws -> [UInt8] {
    do {
      let handle = try FileHandle(forReadingFrom: URL(filePath: path))
      defer { try? handle.close() }
      // A pipe has no size, and a device no end.
      let data = try handle.read(upToCount: RowTable.largestByteCount + 1) ?? Data()
      guard data.count <= RowTable.largestByteCount else {
        throw BenchFailure(
          "\(path) has more than \(RowTable.largestByteCount >> 20) MiB: no file of rows",
          exitCode: .dataError)
      }
      return [UInt8](data)
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
    }
  }

  /// The failure for `fault` in the file at `path`.
  static func failure(_ fault: CSVText.Fault, path: String) -> BenchFailure {
    BenchFailure("\(path):\(fault.line): \(fault.reason)", exitCode: .dataError)
  }

  private static func checkVersion(of row: Row) throws(CSVText.Fault) {
    let current = RunRecord.currentSchemaVersion
    let version = try row.integer(\.schemaVersion)
    guard (1...current).contains(version) else {
      throw CSVText.Fault(
        line: row.line, reason: "schema version \(version); this bench knows versions 1 to \(current)")
    }
  }
}
