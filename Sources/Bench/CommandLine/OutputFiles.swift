import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Where a run leaves its rows, its JSON document and, while it lasts, its disks.
struct OutputFiles: Equatable, Sendable {
  /// The CSV file.
  let csvPath: String
  private let stem: String
  private let scratchFolder: String?

  /// The folder for runs whose user named no file, below the working directory.
  static let defaultFolder = "results/runs"

  /// The folder that everything goes to, for `csvPath` if the user gave it.
  static func folder(csvPath: String?) -> String {
    csvPath?.parentFolderOrCurrent ?? defaultFolder
  }

  /// The files of the run `identity`, beside `csvPath` if the user gave it.
  ///
  /// - Parameter scratchFolder: where its disks are while it lasts; nil: beside the CSV file.
  /// - Throws: ``BenchFailure`` if files cannot be made there.
  init(csvPath: String?, scratchFolder: String? = nil, identity: RunIdentity) throws {
    self.scratchFolder = scratchFolder
    let path = csvPath ?? "\(Self.defaultFolder)/\(identity.fileStem).csv"
    let manager = FileManager.default
    if let csvPath {
      let folder = Self.folder(csvPath: csvPath)
      guard manager.isDirectory(atPath: folder) == true else {
        throw BenchFailure("the folder of the output, \(folder), does not exist", exitCode: .cannotCreate)
      }
      guard manager.isWritableFile(atPath: folder) else {
        throw BenchFailure("the folder of the output, \(folder), is not writable", exitCode: .cannotCreate)
      }
    }
    if manager.isDirectory(atPath: path) == true {
      throw BenchFailure("the output \(path) is a directory", exitCode: .cannotCreate)
    }
    let type = try? manager.attributesOfItem(atPath: path)[.type] as? FileAttributeType
    if let type, type != .typeRegular, type != .typeSymbolicLink {
      throw BenchFailure("the output \(path) is not a regular file", exitCode: .cannotCreate)
    }
    self.csvPath = path
    stem = Self.stem(csvPath: path)
  }

  /// What the names of all files of the rows at `csvPath` begin with.
  static func stem(csvPath: String) -> String {
    csvPath.hasSuffix(".csv") ? String(csvPath.dropLast(4)) : csvPath
  }

  /// Where an open window publishes its count, for `bench view`.
  var livePath: String { stem + LiveSample.nameEnd }

  /// Writes `document` beside the CSV file under its name, or with the run's id in the name where another run took that.
  ///
  /// Runs that end at the same moment keep a document each: a name is taken by link(2), which replaces nothing.
  ///
  /// - Returns: The file.
  func write(_ document: RunDocument) throws -> String {
    let ownPath = "\(stem).\(document.runID).json"
    try document.write(to: ownPath)
    let plainPath = stem + ".json"
    // A file system without links keeps the longer name.
    guard unsafe link(ownPath, plainPath) == 0 else { return ownPath }
    guard unsafe unlink(ownPath) == 0 else { return ownPath }
    return plainPath
  }

  /// Makes the folder of the files, unless it is there: only a run that can take place leaves one.
  ///
  /// - Throws: ``BenchFailure`` if it cannot be made.
  func makeFolder() throws {
    do {
      try FileManager.default.makeParentFolder(of: csvPath)
    } catch {
      throw BenchFailure(
        "cannot make the folder \(csvPath.parentFolder): \(error.plainWords)",
        exitCode: .cannotCreate)
    }
  }

  /// The folder of the guests' disks, where bench makes some of its own.
  func scratchDiskFolder(identity: RunIdentity) -> String {
    ScratchFolder.path(stem: scratchFolder.map { "\($0)/bench" } ?? stem, runID: identity.runID, kind: .disks)
  }
}
