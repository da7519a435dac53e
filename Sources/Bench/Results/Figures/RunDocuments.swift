import Foundation

/// The JSON files beside files of rows.
struct RunDocuments: Sendable {
  /// By the runs' begin.
  let documents: [RunDocument]
  private let histograms: [GuestOfBoot: NanosecondHistogram]

  /// A row's place among all documents. The seed stands for the repetition, which a matrix counts in its own way.
  private struct GuestOfBoot: Hashable {
    let runID: String
    let mode: String
    let fileSystem: String
    let seed: String
    let guestIndex: String
  }

  /// What is checked before the rest is used.
  private struct Version: Decodable {
    let schemaVersion: Int
    let runID: String

    enum CodingKeys: String, CodingKey {
      case schemaVersion = "schema_version"
      case runID = "run_id"
    }
  }

  /// Reads the documents of `runs` that lie where `bench run` or `bench matrix` put them for `rowFiles`.
  ///
  /// - Throws: ``BenchFailure`` for one that is damaged.
  init(beside rowFiles: [String], of runs: Set<String>) throws {
    var seen: Set<String> = []
    var documents: [RunDocument] = []
    for path in rowFiles.flatMap(Self.candidates) where seen.insert(path).inserted {
      if let document = try Self.load(path, of: runs) { documents.append(document) }
    }
    self.documents = documents.sorted { ($0.startedAt, $0.runID) < ($1.startedAt, $1.runID) }
    var histograms: [GuestOfBoot: NanosecondHistogram] = [:]
    for result in documents.flatMap(\.results) {
      let row = result.row
      histograms[
        GuestOfBoot(
          runID: row.runID, mode: row.text(\.mode), fileSystem: row.text(\.fileSystem),
          seed: row.text(\.seed),
          guestIndex: row.text(\.guestIndex))] = result.latencyHistogram
    }
    self.histograms = histograms
  }

  /// The latencies of a boot whose guests have the rows `rows`; nil where a guest's histogram is missing.
  func latencies(of rows: [Row]) -> LatencyCurve? {
    let found = rows.compactMap { row in
      histograms[
        GuestOfBoot(
          runID: row.text(\.runID) ?? "", mode: row.text(\.mode) ?? "",
          fileSystem: row.text(\.fileSystem) ?? "",
          seed: row.text(\.seed) ?? "", guestIndex: row.text(\.guestIndex) ?? "")]
    }
    return found.count == rows.count ? LatencyCurve(found) : nil
  }

  /// `NAME.json` and `NAME.RUN_ID.json` beside `NAME.csv`, and all in `boots` beside it.
  static func candidates(_ rowFile: String) -> [String] {
    let file = URL(filePath: rowFile)
    let folder = file.deletingLastPathComponent()
    let stem = file.deletingPathExtension().lastPathComponent
    func names(_ folder: URL) -> [String] {
      // Where there is no such folder, there are no documents.
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".json") }.sorted()
    }
    let boots = folder.appending(path: "boots")
    return names(folder).filter { $0.hasPrefix("\(stem).") }.map { folder.appending(path: $0).path }
      + names(boots).map { boots.appending(path: $0).path }
  }

  private static func load(_ path: String, of runs: Set<String>) throws -> RunDocument? {
    do {
      let data = try Data(contentsOf: URL(filePath: path))
      let version = try JSONDecoder().decode(Version.self, from: data)
      guard runs.contains(version.runID) else { return nil }
      guard RunDocument.readableVersions.contains(version.schemaVersion) else {
        throw BenchFailure(
          "\(path): schema version \(version.schemaVersion); this bench reads the versions "
            + "\(RunDocument.readableVersions.lowerBound) to \(RunRecord.currentSchemaVersion)",
          exitCode: .dataError)
      }
      let decoder = JSONDecoder()
      if version.schemaVersion < RunRecord.currentSchemaVersion {
        // Columns and options are called the same.
        decoder.keyDecodingStrategy = .custom { path in
          let name = path.last?.stringValue ?? ""
          return ColumnKey(stringValue: RecordColumns.currentNames[name] ?? name)
        }
      }
      return try decoder.decode(RunDocument.self, from: data)
    } catch let failure as BenchFailure {
      throw failure
    } catch let error as DecodingError {
      throw BenchFailure("\(path) is not the record of a run: \(error.reason)", exitCode: .dataError)
    } catch {
      throw BenchFailure("cannot read \(path): \(error.plainWords)", exitCode: .noInput)
    }
  }
}
