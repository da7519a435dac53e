import Foundation

/// A tar archive of plain files, written and unpacked by the system's tar.
///
/// bench checks every header before tar sees an archive, because it may come from anybody.
enum TarArchive {
  /// The largest file in an archive.
  static let largestByteCount: UInt64 = 1 << 30
  /// The most entries of an archive.
  static let mostEntries = 200_000

  /// Packs `folder` of the folder `parent` into a new archive at `path`. The same files make the same archive.
  static func pack(_ folder: String, of parent: String, to path: String) throws {
    let run = try CommandRun([
      "tar", "--create", "--format=ustar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0",
      "--numeric-owner", "--mode=u=rwX,go=rX", "--file", path, "--directory", parent, "--", folder,
    ])
    guard run.exitCode == 0 else {
      throw BenchFailure("tar cannot write \(path): \(run.output)", exitCode: .cannotCreate)
    }
  }

  /// Unpacks the archive at `path` into the empty folder `target`.
  ///
  /// - Returns: The name of the folder in it.
  /// - Throws: ``BenchFailure`` for an archive with anything but plain files in one folder.
  static func unpack(_ path: String, into target: String) throws -> String {
    let names = try check(path)
    let roots = Set(names.map { $0.split(separator: "/").first.map(String.init) ?? "" })
    guard let root = roots.first, roots.count == 1 else {
      throw BenchFailure("\(path): the archive is not one folder", exitCode: .dataError)
    }
    let run = try CommandRun([
      "tar", "--extract", "--no-same-owner", "--no-same-permissions", "--keep-old-files", "--file", path,
      "--directory", target,
    ])
    guard run.exitCode == 0 else {
      throw BenchFailure("tar cannot unpack \(path): \(run.output)", exitCode: .dataError)
    }
    return root
  }

  /// The names of all entries of the archive at `path`.
  ///
  /// - Throws: ``BenchFailure`` if an entry could write outside of the folder, or is larger than it may be.
  static func check(_ path: String) throws -> [String] {
    func refuse(_ reason: String) -> BenchFailure { BenchFailure("\(path): \(reason)", exitCode: .dataError) }
    let handle: FileHandle
    let end: UInt64
    do {
      handle = try FileHandle(forReadingFrom: URL(filePath: path))
      end = try handle.seekToEnd()
    } catch {
      throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
    }
    defer { try? handle.close() }
    let block = UInt64(TarHeader.blockByteCount)
    var names: Set<String> = []
    var order: [String] = []
    var offset: UInt64 = 0
    while offset < end {
      let header: TarHeader?
      do {
        try handle.seek(toOffset: offset)
        header = try TarHeader([UInt8](handle.read(upToCount: TarHeader.blockByteCount) ?? Data()))
      } catch let refusal as TarHeader.Refusal {
        throw refuse(refusal.reason)
      } catch {
        throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
      }
      guard let header else { return order }
      guard header.byteCount <= largestByteCount else {
        throw refuse("\(header.name) has \(header.byteCount) bytes; the limit is \(largestByteCount)")
      }
      // Sizes have 33 bits, and files fewer than 63: no sum overflows.
      offset += block + (header.byteCount + block - 1) / block * block
      guard offset <= end else { throw refuse("\(header.name) is cut off") }
      guard names.insert(header.name).inserted else { throw refuse("\(header.name) is there twice") }
      order.append(header.name)
      guard order.count <= mostEntries else {
        throw refuse("the archive has more than \(mostEntries) entries")
      }
    }
    throw refuse("the archive has no end")
  }
}
