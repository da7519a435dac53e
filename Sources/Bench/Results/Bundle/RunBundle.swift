import Foundation
import HostSystem

/// A run in one archive, with everything that its figures and verdicts follow from.
enum RunBundle {
  /// Makes the bundle of the run at `path`.
  ///
  /// - Parameters:
  ///   - archive: The file to make, which must not exist.
  ///   - report: The page of the run's rows.
  ///   - license: The license of the data, as an address.
  /// - Returns: The number of files.
  static func make(
    of path: String, settings: BundleSettings, license: String?, archive: String,
    report: (FigureRuns, String) throws -> String
  ) throws -> Int {
    guard !FileManager.default.fileExists(atPath: archive) else {
      throw BenchFailure("\(archive) exists", exitCode: .cannotCreate)
    }
    let records = try BundleRecords(path)
    let name = name(of: archive)
    guard TarHeader.isPlain(name), !name.contains("/") else {
      throw BenchFailure(
        "\(archive): the name of a bundle has ASCII letters, digits and ._-+=,@ only", exitCode: .usage)
    }
    return try withFolder { parent in
      let folder = "\(parent)/\(name)"
      try records.copy(to: "\(folder)/records")
      if let contradiction = try RecordAgreement.contradiction(in: "\(folder)/records") {
        throw BenchFailure(
          "the records of \(path) contradict each other: \(contradiction)", exitCode: .dataError)
      }
      try BundleDerivation(records: "\(folder)/records", settings: settings).write(to: "\(folder)/derived")
      let rows = try RowFileSearch.csvFiles(below: "\(folder)/records").filter(RowFileSearch.holdsRows)
      let boots = try rows.flatMap { try BootSample.boots(of: RowFile(path: $0), metrics: []) }
      let hosts = boots.map(\.host).reduce(into: [HostIdentity]()) { if !$0.contains($1) { $0.append($1) } }
      if hosts.count == 1 {
        try write(Data(report(FigureRuns(["\(folder)/records"]), folder).utf8), "\(folder)/report.html")
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      try write(encoder.encode(settings) + Data("\n".utf8), "\(folder)/bundle.json")
      let names = try BundleDerivation.names(below: folder)
      let metadata = CrateMetadata(
        title: "bench run \(name)",
        description:
          "\(boots.count) boots of virtual machines, measured by bench: rows, records, and what follows from them",
        startedAt: boots.map(\.startedAt).min() ?? "", revisions: Set(boots.map(\.revision)).sorted(),
        hosts: hosts.map(\.summary), license: license,
        files: try names.map { ($0, try Data(contentsOf: URL(filePath: "\(folder)/\($0)")).count) })
      try write(metadata.encoded(), "\(folder)/\(CrateMetadata.name)")
      try write(Data(ChecksumFile.text(of: folder).utf8), "\(folder)/\(ChecksumFile.name)")
      try TarArchive.pack(name, of: parent, to: archive)
      return names.count + 2
    }
  }

  /// Checks the bundle at `archive`: its sums, that its records agree with each other, and that its derived files follow from them.
  ///
  /// - Returns: The number of derived files.
  /// - Throws: ``BenchFailure`` that names the first difference.
  static func verify(_ archive: String) throws -> Int {
    try withFolder { parent in
      let folder = try "\(parent)/\(TarArchive.unpack(archive, into: parent))"
      func differs(_ reason: String) -> BenchFailure {
        BenchFailure("\(archive) differs: \(reason)", exitCode: .dataError)
      }
      if let difference = try ChecksumFile.difference(in: folder) { throw differs(difference) }
      let settings = try settings(in: folder, archive: archive)
      if let contradiction = try RecordAgreement.contradiction(in: "\(folder)/records") {
        throw differs("its records contradict each other: \(contradiction)")
      }
      let derivation = try BundleDerivation(records: "\(folder)/records", settings: settings)
      if let difference = try derivation.difference(from: "\(folder)/derived") {
        let maker =
          settings.benchVersion == ProjectVersion.text
          ? "" : " (made by bench \(settings.benchVersion), checked by \(ProjectVersion.text))"
        throw differs("derived/\(difference)\(maker)")
      }
      return derivation.files.count
    }
  }

  private static func settings(in folder: String, archive: String) throws -> BundleSettings {
    do {
      let data = try Data(contentsOf: URL(filePath: "\(folder)/bundle.json"))
      let settings = try JSONDecoder().decode(BundleSettings.self, from: data)
      guard settings.formatVersion == BundleSettings.currentFormatVersion else {
        throw BenchFailure(
          "\(archive): a bundle of format \(settings.formatVersion); this bench verifies format "
            + "\(BundleSettings.currentFormatVersion)", exitCode: .dataError)
      }
      return settings
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      let reason = (error as? DecodingError)?.reason ?? error.plainWords
      throw BenchFailure("\(archive) is not a bundle: bundle.json: \(reason)", exitCode: .dataError)
    }
  }

  /// The archive's name without folder and suffix, which its folder is called by.
  private static func name(of archive: String) -> String {
    let name = (archive as NSString).lastPathComponent
    return name.hasSuffix(".tar") ? String(name.dropLast(4)) : name
  }

  private static func write(_ data: Data, _ path: String) throws {
    do {
      try data.write(to: URL(filePath: path))
    } catch {
      throw BenchFailure("cannot write \(path): \(error.plainWords)", exitCode: .cannotCreate)
    }
  }

  /// Runs `body` with a new folder that only its owner enters, and removes it.
  private static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-bundle-\(UUID().uuidString)")
      .path
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw BenchFailure("cannot make \(folder): \(error.plainWords)", exitCode: .cannotCreate)
    }
    // A left-over folder in the temporary folder does no harm.
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }
}
