import Foundation

/// The rows that a host's results are compared with, in a file of its own under version control.
struct Baseline: Sendable {
  /// The file.
  let path: String

  /// The baseline of `host` in `folder`.
  init(folder: String, host: HostIdentity) {
    path = "\(folder)/\(host.fileStem).csv"
  }

  /// The rows.
  ///
  /// - Throws: ``BenchFailure`` with the exit code of a missing baseline if there are none.
  func load() throws -> RowFile {
    guard FileManager.default.fileExists(atPath: path) else {
      throw BenchFailure(
        "this host has no baseline, \(path); --update-baseline makes one, of the revision to compare with",
        exitCode: .missingBaseline)
    }
    return try RowFile(path: path)
  }

  /// The only revision of `boots`, or nil where they have several, or it is unknown, or files differed from it.
  static func revision(of boots: [BootSample]) -> String? {
    let revisions = Set(boots.map(\.revision))
    guard let revision = revisions.first, revisions.count == 1, revision != "unknown",
      !revision.hasSuffix("-dirty")
    else { return nil }
    return revision
  }

  /// Puts the rows of the file at `rowsPath` in place.
  func replace(by rowsPath: String) throws {
    do {
      try FileManager.default.makeParentFolder(of: path)
      try Data(contentsOf: URL(filePath: rowsPath)).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw BenchFailure("cannot write \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }
}
