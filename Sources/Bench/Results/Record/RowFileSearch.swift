import Foundation

/// Finds files of rows in folders of results.
enum RowFileSearch {
  /// Folders whose rows other files hold too (`boots`), or that are not kept (`runs`).
  private static let passedOver = ["boots", "runs"]

  /// The CSV files below `folder`, sorted, without those in folders named runs or boots; or the file that it is.
  static func csvFiles(below folder: String) throws -> [String] {
    guard let isDirectory = FileManager.default.isDirectory(atPath: folder) else {
      throw BenchFailure("\(folder) does not exist", exitCode: .noInput)
    }
    if !isDirectory { return [folder] }
    var files: [String] = []
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
        let path = "\(folder)/\(name)"
        if FileManager.default.isDirectory(atPath: path) == true {
          files += passedOver.contains(name) ? [] : try csvFiles(below: path)
        } else if name.hasSuffix(".csv") {
          files.append(path)
        }
      }
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      throw BenchFailure("cannot read \(folder): \(error.plainWords)", exitCode: .noInput)
    }
    return files
  }

  /// Longer than any header of ours.
  private static let headerByteCount = 16 << 10

  /// Whether a CSV file is one of bench: rows of every version have a column for their version.
  static func holdsRows(_ path: String) throws -> Bool {
    do {
      let handle = try FileHandle(forReadingFrom: URL(filePath: path))
      defer { try? handle.close() }
      let start = try handle.read(upToCount: headerByteCount) ?? Data()
      let header = String(decoding: start.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      let name = RecordColumns.table.schemaVersion.name
      return header.split(separator: ",").contains { column in
        column.trimmingCharacters(in: ["\u{FEFF}", "\"", "\r"]) == name
      }
    } catch {
      throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
    }
  }
}
