import Foundation
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Appends rows to a CSV file, each whole or not at all.
///
/// The file is created together with its first row. A row is one `write(2)`; one that comes out short or fails is cut
/// off again with `ftruncate(2)`, and the file removed if the row was to be its first. A lock (`flock(2)`) keeps other
/// processes that append to the same file apart.
struct CSVWriter: ~Copyable {
  /// Writes some bytes to the end of a file and answers how many were written, as `write(2)` does.
  typealias Append = (FileDescriptor, [UInt8]) throws -> Int

  /// The file.
  let path: String
  private let header: String
  private let append: Append

  /// A writer to the file at `path`, which need not exist.
  ///
  /// - Parameters:
  ///   - header: The header line, without its line end.
  ///   - append: How bytes reach the file; a test makes it fail.
  /// - Throws: ``BenchFailure`` if the file exists and is not one that this version's rows can be added to.
  init(path: String, header: String = CSVSchema.header, append: @escaping Append = Self.write) throws {
    self.path = path
    self.header = header
    self.append = append
    do {
      let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
      try descriptor.closeAfter { try Self.checkContent(of: descriptor, path: path, header: header) }
    } catch Errno.noSuchFileOrDirectory {
      return
    } catch let errno as Errno {
      throw BenchFailure("cannot read \(path): \(errno)", exitCode: .cannotCreate)
    }
  }

  /// Appends `record`.
  ///
  /// - Throws: ``BenchFailure``; the file is then as it was before.
  func write(_ record: RunRecord) throws {
    try write(lines: [CSVSchema.line(record)])
  }

  /// Appends `lines`, which have no line ends yet: all of them or none.
  ///
  /// - Throws: ``BenchFailure``; the file is then as it was before.
  func write(lines: [String]) throws {
    let descriptor = try openLocked()
    try descriptor.closeAfter {
      let length = try descriptor.seek(offset: 0, from: .end)
      if length > 0 { try Self.checkContent(of: descriptor, path: path, header: header) }
      let text = ((length == 0 ? [header] : []) + lines).map { $0 + "\n" }.joined()
      try appendWhole(Array(text.utf8), to: descriptor, length: length)
    }
  }

  /// Opens the file and locks it; the lock is released with the descriptor, which is not shared.
  private func openLocked() throws -> FileDescriptor {
    while true {
      let descriptor: FileDescriptor
      do {
        descriptor = try FileDescriptor.open(
          FilePath(path), .readWrite, options: [.create, .append, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
      } catch {
        throw BenchFailure("cannot write \(path): \(error)", exitCode: .cannotCreate)
      }
      guard flock(descriptor.rawValue, LOCK_EX) == 0 else {
        let reason = Errno(rawValue: errno)
        // Nothing was written through it.
        try? descriptor.close()
        throw BenchFailure("cannot lock \(path): \(reason)", exitCode: .ioError)
      }
      // A writer whose first row failed removes the file while others wait for the lock.
      if isStillThere(descriptor) { return descriptor }
      try? descriptor.close()
    }
  }

  /// Whether ``path`` names the file that `descriptor` has open.
  private func isStillThere(_ descriptor: FileDescriptor) -> Bool {
    var (opened, named) = (stat(), stat())
    guard unsafe fstat(descriptor.rawValue, &opened) == 0, unsafe stat(path, &named) == 0 else {
      return false
    }
    return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  private func appendWhole(_ bytes: [UInt8], to descriptor: FileDescriptor, length: Int64) throws {
    let reason: String
    do {
      let count = try append(descriptor, bytes)
      if count == bytes.count { return }
      reason = "only \(count) of \(bytes.count) bytes could be written"
    } catch {
      reason = "\(error)"
    }
    var outcome = "no part of the row was kept"
    do {
      try descriptor.resize(to: length)
      if length == 0 { try FileManager.default.removeItem(atPath: path) }
    } catch {
      outcome = "and the incomplete row could not be removed: \(error)"
    }
    throw BenchFailure("cannot write a row to \(path): \(reason); \(outcome)", exitCode: .cannotCreate)
  }

  /// Rows may only follow a header that names the same columns, and a line that is complete.
  private static func checkContent(of descriptor: FileDescriptor, path: String, header: String) throws {
    let length = try descriptor.seek(offset: 0, from: .end)
    if length == 0 { return }
    let expected = Array((header + "\n").utf8)
    guard try read(descriptor, offset: 0, count: expected.count) == expected else {
      let reason =
        header == CSVSchema.header
        ? "and its header is not that of schema version \(RunRecord.currentSchemaVersion)"
        : "and has other columns"
      throw BenchFailure("\(path) exists \(reason); choose another file with --output", exitCode: .dataError)
    }
    guard try read(descriptor, offset: length - 1, count: 1) == Array("\n".utf8) else {
      throw BenchFailure("the last line of \(path) is incomplete; repair it first", exitCode: .dataError)
    }
  }

  private static func read(_ descriptor: FileDescriptor, offset: Int64, count: Int) throws -> [UInt8] {
    var failure: (any Error)?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filledCount in
      do {
        // SAFETY: the buffer is the new array's own storage, alive and exclusive for the closure.
        filledCount = unsafe try descriptor.read(
          fromAbsoluteOffset: offset, into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private static func write(_ descriptor: FileDescriptor, _ bytes: [UInt8]) throws -> Int {
    try unsafe bytes.withUnsafeBytes { unsafe try descriptor.write($0) }
  }
}

/// How rows are written as CSV: RFC 4180 quoting, a header line, lines that end with a single line feed.
enum CSVSchema {
  /// The header line, without its line end.
  static let header = RecordColumns.all.map { quoted($0.name) }.joined(separator: ",")

  /// The line of `record`, without its line end.
  static func line(_ record: RunRecord) -> String {
    RecordColumns.all.map { quoted(record.text(of: $0)) }.joined(separator: ",")
  }

  /// `field` as it stands in a line: in quotes if it holds a comma, a quote or a line end, its quotes doubled.
  static func quoted(_ field: String) -> String {
    let needsQuotes = field.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
    return needsQuotes ? "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : field
  }
}
