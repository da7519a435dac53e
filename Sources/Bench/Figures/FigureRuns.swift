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

  /// Reads files of rows and folders of them.
  ///
  /// - Throws: ``BenchFailure``, with file and line, for rows of other versions, damaged ones, and those of several hosts.
  init(_ sources: [String], choice: Choice = Choice()) throws {
    files = try Self.rowFiles(sources)
    var samples: [(sample: BootSample, file: String)] = []
    for file in files {
      samples += try BootSample.boots(of: RowFile(path: file), metrics: Self.metrics).map { ($0, file) }
    }
    samples = samples.filter { Self.fits($0.sample, choice) }
    guard let first = samples.first else {
      throw BenchFailure("no boot has what --host and --where ask for", exitCode: .dataError)
    }
    for (sample, file) in samples where sample.host != first.sample.host {
      throw BenchFailure(
        "\(file):\(sample.line): the hosts differ: "
          + sample.host.differences(from: first.sample.host).joined(separator: "; ")
          + ". A figure is of one host: choose it by --host and a part of '\(first.sample.host.summary)'",
        exitCode: .dataError)
    }
    host = first.sample.host
    let runs = Set(samples.flatMap { $0.sample.rows.compactMap { $0.text(.runID) } })
    let records = try RunDocuments(beside: files, of: runs)
    documents = records.documents
    boots = try samples.filter(\.sample.isSound).map { sample, file in
      do throws(CSVText.Fault) {
        return try FigureBoot(sample, file: file, latencies: records.latencies(of: sample.rows))
      } catch {
        throw BenchFailure("\(file):\(error.line): \(error.reason)", exitCode: .dataError)
      }
    }
    unsoundCount = samples.count { !$0.sample.isSound }
    guard !boots.isEmpty else {
      throw BenchFailure("every boot had failed requests or wrong data", exitCode: .dataError)
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

  private static func fits(_ sample: BootSample, _ choice: Choice) -> Bool {
    if let host = choice.host, !sample.host.summary.contains(host) { return false }
    return choice.values.allSatisfy { column, value in
      sample.rows[0].places[column].map { sample.rows[0].fields[$0] == value } ?? false
    }
  }
}
