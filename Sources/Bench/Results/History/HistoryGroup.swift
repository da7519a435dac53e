/// The boots of one file with the same host, configuration and revision: a point of each metric's time line.
struct HistoryGroup: Equatable, Sendable {
  let host: HostIdentity
  let configuration: ConfigurationKey
  let revision: String
  /// When the first of them ran, as ISO 8601.
  let startedAt: String
  let bootCount: Int
  /// The median of each metric, by its place in `Metric.allCases`; nil where no boot has it.
  let medians: [Double?]

  /// The groups of `boots`, which have all metrics.
  static func groups(of boots: [BootSample]) -> [HistoryGroup] {
    struct Key: Hashable {
      let host: HostIdentity
      let configuration: ConfigurationKey
      let revision: String
    }
    let groups = Dictionary(grouping: boots) {
      Key(host: $0.host.withoutKernelBuild, configuration: $0.configuration, revision: $0.revision)
    }
    return groups.compactMap { key, boots in
      guard let startedAt = boots.map(\.startedAt).min() else { return nil }
      return HistoryGroup(
        host: key.host, configuration: key.configuration, revision: key.revision, startedAt: startedAt,
        bootCount: boots.count,
        medians: Metric.allCases.map { metric in boots.compactMap { $0[metric] }.median })
    }
  }

  /// Reads the groups of the file of rows at `path`.
  static func groups(ofFile path: String) throws -> [HistoryGroup] {
    groups(of: try BootSample.boots(of: RowFile(path: path), metrics: Metric.allCases).filter(\.isSound))
  }
}
