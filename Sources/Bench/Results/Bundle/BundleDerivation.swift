import Foundation

/// The files that follow from the records of a bundle: data of figures, tables and verdicts.
///
/// They have neither times nor paths of the host that makes them, so that they come out the same anywhere.
struct BundleDerivation {
  /// Content by path below `derived`.
  private(set) var files: [String: Data] = [:]

  /// Derives the files from the records in `folder`, which bench may write to.
  init(records folder: String, settings: BundleSettings) throws {
    try addRows(folder)
    try addVerdicts(folder, settings)
  }

  /// Writes the files into `folder`.
  func write(to folder: String) throws {
    do {
      for (name, data) in files {
        let path = "\(folder)/\(name)"
        try FileManager.default.makeParentFolder(of: path)
        try data.write(to: URL(filePath: path))
      }
    } catch {
      throw BenchFailure("cannot write to \(folder): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  /// The first difference from the files in `folder`, in one line; nil if there is none.
  func difference(from folder: String) throws -> String? {
    let recorded = try Set(Self.names(below: folder))
    for name in recorded.union(files.keys).sorted() {
      guard let fresh = files[name] else { return "\(name) follows from no record" }
      guard recorded.contains(name) else { return "\(name) is missing" }
      let old: Data
      do {
        old = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
      } catch {
        throw BenchFailure("cannot read \(folder)/\(name): \(error.plainWords)", exitCode: .noInput)
      }
      if old != fresh { return Self.difference(name, old, fresh) }
    }
    return nil
  }

  private static func difference(_ name: String, _ old: Data, _ fresh: Data) -> String {
    let (first, second) = (lines(old), lines(fresh))
    let place = zip(first, second).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let line = place ?? min(first.count, second.count)
    func text(_ lines: [Substring]) -> String {
      lines.indices.contains(line) ? String(lines[line].prefix(60)).debugDescription : "nothing"
    }
    return "\(name):\(line + 1): the bundle has \(text(first)), and its records give \(text(second))"
  }

  private static func lines(_ data: Data) -> [Substring] {
    String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// The paths of all files below `folder`, relative to it.
  static func names(below folder: String) throws -> [String] {
    do {
      let paths = try FileManager.default.subpathsOfDirectory(atPath: folder)
      return try paths.filter { path in
        let kind = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(path)")[.type]
        return kind as? FileAttributeType != .typeDirectory
      }.sorted()
    } catch {
      throw BenchFailure("cannot read \(folder): \(error.plainWords)", exitCode: .noInput)
    }
  }

  /// What follows from the rows of each host.
  private mutating func addRows(_ folder: String) throws {
    let rows = try RowFileSearch.csvFiles(below: folder).filter(RowFileSearch.holdsRows)
    var hosts: [HostIdentity] = []
    for file in rows {
      for boot in try BootSample.boots(of: RowFile(path: file), metrics: []) where !hosts.contains(boot.host)
      {
        hosts.append(boot.host)
      }
    }
    for (index, host) in hosts.enumerated() {
      let prefix = hosts.count == 1 ? "" : "host-\(index + 1)/"
      let runs = try FigureRuns(rows, choice: FigureRuns.Choice(host: host.summary))
      files["\(prefix)results.md"] = Data(ResultTable.table(runs.boots).markdown().utf8)
      files["\(prefix)host.md"] = Data(
        try HostTable.table(runs.documents, identity: runs.host).markdown().utf8)
      for drawing in try FigureSet(runs).drawings {
        files["\(prefix)figures/\(Drawing.dataFile(drawing.kind))"] = Data(drawing.data.utf8)
        files["\(prefix)figures/\(drawing.scriptFile)"] = Data(drawing.script.utf8)
      }
    }
  }

  /// The verdicts of a comparison.
  private mutating func addVerdicts(_ folder: String, _ settings: BundleSettings) throws {
    guard FileManager.default.fileExists(atPath: "\(folder)/plan.json") else { return }
    let experiment = try ExperimentFolder.resuming(folder)
    guard experiment.plan.kind == .comparison, experiment.plan.sides.count == 2 else { return }
    let comparison = try FolderComparison(experiment, metrics: settings.metrics)
      .comparison(calibrations: settings.calibrations, leavesOutDoubtful: settings.isTrustedOnly)
    files["verdicts.md"] = Data(try comparison.text(.markdown).utf8)
  }
}
