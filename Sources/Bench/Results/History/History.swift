import Foundation

/// A folder of results as time lines. The files are what counts; a cache saves reading those that have not changed.
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
  /// - Parameter cache: Has the points of files that were read before; nil: each file is read.
  /// - Throws: ``BenchFailure`` with the line for rows that are damaged.
  init(folder: String, metrics: [Metric], cache: HistoryCache? = nil) throws {
    var files: [String] = []
    var skipped: [String] = []
    var points: [SeriesKey: [HistoryPoint]] = [:]
    for path in try RowFileSearch.csvFiles(below: folder) {
      guard try RowFileSearch.holdsRows(path) else {
        skipped.append(path)
        continue
      }
      files.append(path)
      for group in try cache?.groups(ofFile: path) ?? HistoryGroup.groups(ofFile: path) {
        for metric in metrics {
          guard let value = group.medians[metric.place] else { continue }
          let key = SeriesKey(host: group.host, configuration: group.configuration, metric: metric)
          points[key, default: []].append(
            HistoryPoint(
              startedAt: group.startedAt, revision: group.revision, file: path, boots: group.bootCount,
              value: value))
        }
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
}
