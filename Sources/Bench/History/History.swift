import Foundation

/// A folder of results as time lines. The files stay the only truth: they are read anew each time.
struct History: Codable, Equatable, Sendable {
  /// By host, configuration and metric.
  let series: [HistorySeries]
  /// Files of rows that were read.
  let files: [String]
  /// CSV files that are no rows of bench.
  let skippedFiles: [String]

  enum CodingKeys: String, CodingKey {
    case series, files
    case skippedFiles = "skipped_files"
  }

  /// Folders that hold what other files hold too, or what nobody meant to keep.
  private static let passedOver = ["boots", "runs"]

  /// Reads all rows below `folder`, or the file that it is.
  ///
  /// - Throws: ``BenchFailure`` with the line for rows that are damaged.
  init(folder: String, metrics: [Metric]) throws {
    var files: [String] = []
    var skipped: [String] = []
    var points: [SeriesKey: [HistoryPoint]] = [:]
    for path in try Self.csvFiles(folder) {
      guard try Self.holdsRows(path) else {
        skipped.append(path)
        continue
      }
      files.append(path)
      let boots = try BootSample.boots(of: RowFile(path: path, versions: .upToCurrent), metrics: metrics)
      for (key, point) in Self.points(of: boots.filter(\.isSound), file: path, metrics: metrics) {
        points[key, default: []].append(point)
      }
    }
    guard !files.isEmpty else { throw BenchFailure("\(folder) holds no rows of bench", exitCode: .noInput) }
    self.files = files
    skippedFiles = skipped
    let varying = ConfigurationKey.varyingColumns(of: points.keys.map(\.configuration))
    series = points.map { key, points in
      HistorySeries(
        host: key.host, configuration: key.configuration.title(varying: varying), metric: key.metric,
        points: points)
    }.sorted { Self.order($0) < Self.order($1) }
  }

  private struct SeriesKey: Hashable {
    let host: HostIdentity
    let configuration: ConfigurationKey
    let metric: Metric
  }

  private static func order(_ series: HistorySeries) -> (String, String, Int) {
    (series.host.summary, series.configuration, Metric.allCases.firstIndex(of: series.metric) ?? 0)
  }

  private static func points(of boots: [BootSample], file: String, metrics: [Metric]) -> [(
    SeriesKey, HistoryPoint
  )] {
    struct Group: Hashable {
      let host: HostIdentity
      let configuration: ConfigurationKey
      let revision: String
    }
    let groups = Dictionary(grouping: boots) {
      Group(host: $0.host, configuration: $0.configuration, revision: $0.revision)
    }
    return groups.flatMap { group, boots in
      metrics.compactMap { metric in
        guard let value = boots.compactMap({ $0.values[metric] }).median,
          let startedAt = boots.map(\.startedAt).min()
        else { return nil }
        return (
          SeriesKey(host: group.host, configuration: group.configuration, metric: metric),
          HistoryPoint(
            startedAt: startedAt, revision: group.revision, file: file, boots: boots.count, value: value)
        )
      }
    }
  }

  private static func csvFiles(_ folder: String) throws -> [String] {
    var isDirectory: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) else {
      throw BenchFailure("\(folder) does not exist", exitCode: .noInput)
    }
    if !isDirectory.boolValue { return [folder] }
    var files: [String] = []
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
        let path = "\(folder)/\(name)"
        if unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
          isDirectory.boolValue
        {
          files += passedOver.contains(name) ? [] : try csvFiles(path)
        } else if name.hasSuffix(".csv") {
          files.append(path)
        }
      }
    } catch let failure as BenchFailure {
      throw failure
    } catch {
      throw BenchFailure("cannot read \(folder): \(error.localizedDescription)", exitCode: .noInput)
    }
    return files
  }

  /// Rows of every version begin with their version.
  private static func holdsRows(_ path: String) throws -> Bool {
    do {
      let handle = try FileHandle(forReadingFrom: URL(filePath: path))
      defer { try? handle.close() }
      let start = Data((RunRecord.CodingKeys.schemaVersion.rawValue + ",").utf8)
      return try handle.read(upToCount: start.count) == start
    } catch {
      throw BenchFailure("cannot read \(path): \(error.localizedDescription)", exitCode: .noInput)
    }
  }
}
