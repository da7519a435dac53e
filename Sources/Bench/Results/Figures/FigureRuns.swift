import Foundation

/// The boots that figures and reports are made of: of one host, sound, with their records where these were found.
struct FigureRuns: Sendable {
  /// What is taken of the files that were named.
  struct Choice: Equatable, Sendable {
    /// A part of the host's description; nil: all rows must be of one host.
    var host: String?
    /// Values that columns of the configuration must have.
    var values: [String: String] = [:]
  }

  /// In the files' order.
  let boots: [FigureBoot]
  /// Where all of them ran.
  let host: HostIdentity
  /// The files of rows.
  let files: [String]
  /// The records beside the rows, by their runs' begin.
  let documents: [RunDocument]
  /// Boots with failed requests or wrong data, which were left out.
  let unsoundCount: Int

  /// The figures of a boot that are read.
  private static let metrics = Metric.allCases

  /// The files that were read: rows, and the records beside them where these exist.
  var inputs: [String] { files + files.flatMap(RunDocuments.candidates) }

  /// Reads files of rows and folders of them.
  ///
  /// - Throws: ``BenchFailure``, with file and line, for rows of other versions, damaged ones, and those of several hosts.
  init(_ sources: [String], choice: Choice = Choice()) throws {
    files = try Self.rowFiles(sources)
    var samples: [(boot: BootSample, rows: [Row])] = []
    for file in files {
      samples += try BootSample.rowsByBoot(of: RowFile(path: file), metrics: Self.metrics)
    }
    samples = samples.filter { Self.fits($0.boot, $0.rows[0], choice) }
    guard let first = samples.first else {
      throw BenchFailure("no boot has what --host and --where ask for", exitCode: .dataError)
    }
    for (sample, _) in samples where sample.host != first.boot.host {
      throw BenchFailure(
        "\(sample.location): the hosts differ: "
          + sample.host.differences(from: first.boot.host).joined(separator: "; ")
          + ". A figure is of one host: choose it by --host and a part of '\(first.boot.host.summary)'",
        exitCode: .dataError)
    }
    host = first.boot.host
    let runs = Set(samples.map(\.boot.runID))
    let records = try RunDocuments(beside: files, of: runs)
    documents = records.documents
    boots = try samples.filter(\.boot.isSound).map { sample, rows in
      do throws(CSVText.Fault) {
        return try FigureBoot(sample, rows: rows, latencies: records.latencies(of: rows))
      } catch {
        throw RowFile.failure(error, path: sample.file)
      }
    }
    unsoundCount = samples.count { !$0.boot.isSound }
    guard !boots.isEmpty else {
      throw BenchFailure(
        "every boot had failed requests or wrong data, or answered none", exitCode: .dataError)
    }
  }

  /// Files are taken as they are named; of folders, what holds rows.
  private static func rowFiles(_ sources: [String]) throws -> [String] {
    var files: [String] = []
    for source in sources {
      let found = try RowFileSearch.csvFiles(below: source)
      let rows = found == [source] ? found : try found.filter(RowFileSearch.holdsRows)
      guard !rows.isEmpty else { throw BenchFailure("\(source) holds no rows of bench", exitCode: .noInput) }
      files += rows.filter { !files.contains($0) }
    }
    return files
  }

  private static func fits(_ boot: BootSample, _ row: Row, _ choice: Choice) -> Bool {
    if let host = choice.host, !boot.host.summary.contains(host) { return false }
    return choice.values.allSatisfy { column, value in
      RecordColumns.column(named: column).flatMap { row.text(of: $0) } == value
    }
  }
}
