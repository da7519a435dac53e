import Foundation

/// The files of a run that a bundle takes: rows, records, the plan, and what failed boots printed.
struct BundleRecords {
  /// The folder that names are relative to.
  let folder: String
  /// Paths relative to ``folder``, sorted.
  let names: [String]

  /// Finds the files of the run at `path`: a folder, or a file of rows.
  init(_ path: String) throws {
    let files = try RowFileSearch.csvFiles(below: path)
    let isFile = files == [path]
    let rows = isFile ? files : try files.filter(RowFileSearch.holdsRows)
    let folder = isFile ? path.parentFolderOrCurrent : path
    guard !rows.isEmpty || FileManager.default.fileExists(atPath: "\(folder)/plan.json") else {
      throw BenchFailure("\(path) holds no rows of bench", exitCode: .noInput)
    }
    // A damaged row is named by its own file here, and by its copy later.
    for file in rows { _ = try RowFile(path: file) }
    var found = Set(rows.map { Self.relative($0, to: folder) })
    for file in rows {
      let parent = file.parentFolderOrCurrent
      let stem = ((file as NSString).lastPathComponent as NSString).deletingPathExtension
      for name in Self.files(in: parent) where name.hasPrefix("\(stem).") && name.hasSuffix(".json") {
        found.insert(Self.relative("\(parent)/\(name)", to: folder))
      }
    }
    if !isFile {
      if FileManager.default.fileExists(atPath: "\(folder)/plan.json") { found.insert("plan.json") }
      let boots = Self.files(in: "\(folder)/boots").filter { !$0.contains(".part.") }
      let done = Set(boots.filter { $0.hasSuffix(".csv") }.map { $0.dropLast(4) })
      for name in boots {
        // Logs of boots with rows say nothing more than the rows.
        let isNeeded =
          name.hasSuffix(".csv") || name.hasSuffix(".json")
          || name.hasSuffix(".log") && !done.contains(name.dropLast(4))
        if isNeeded { found.insert("boots/\(name)") }
      }
    }
    for name in found where !TarHeader.isPlain(name) {
      throw BenchFailure(
        "\(folder)/\(name): names in a bundle have ASCII letters, digits and ._-+=,@ only", exitCode: .usage)
    }
    self.folder = folder
    names = found.sorted()
  }

  /// Copies the files into `target`.
  func copy(to target: String) throws {
    do {
      for name in names {
        let path = "\(target)/\(name)"
        try FileManager.default.makeParentFolder(of: path)
        // The content, and no link.
        try Data(contentsOf: URL(filePath: "\(folder)/\(name)")).write(to: URL(filePath: path))
      }
    } catch {
      throw BenchFailure(
        "cannot copy the files of \(folder): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  private static func files(in folder: String) -> [String] {
    // Where there is no such folder, there are no files.
    (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  }

  /// The path of a file as it is named below `folder`.
  static func relative(_ path: String, to folder: String) -> String {
    path.hasPrefix("\(folder)/") ? String(path.dropFirst(folder.count + 1)) : path
  }
}
