import Foundation

/// A folder of results as time lines. There is no other store: the files are read at each call.
struct History: Codable, Equatable, Sendable {
  /// By host, configuration and metric.
  let series: [HistorySeries]
  /// Files of rows that were read.
  let files: [String]
  /// CSV files without rows of bench.
  let skippedFiles: [String]

  enum CodingKeys: String, CodingKey {
    case series, files
    case skippedFiles = "skipped_files"
  }

  /// Reads all rows below `folder`, or the file that it is.
  ///
  /// - Throws: ``BenchFailure`` with the line for rows that are damaged.
  init(folder: String, metrics: [Metric]) throws {
    var files: [String] = []
    var skipped: [String] = []
    var points: [SeriesKey: [HistoryPoint]] = [:]
    for path in try RowFileSearch.csvFiles(below: folder) {
      guard try RowFileSearch.holdsRows(path) else {
        skipped.append(path)
        continue
      }
      files.append(path)
      let boots = try BootSample.boots(of: RowFile(path: path), metrics: metrics)
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
        guard let value = boots.compactMap({ $0[metric] }).median,
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
}
