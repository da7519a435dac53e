/// Boots that differ in nothing but what a figure shows.
struct FigureGroup: Sendable {
  /// What they have in common.
  let configuration: ConfigurationKey
  let boots: [FigureBoot]

  /// The series, in the order of legends.
  var series: [FigureSeries] { Set(boots.map(\.series)).sorted(by: FigureSeries.precedes) }

  /// The boots of one series.
  func boots(of series: FigureSeries) -> [FigureBoot] { boots.filter { $0.series == series } }

  /// The groups of `boots`, of which a figure varies `columns` besides the data path, best first.
  ///
  /// The best one shows most: the most different `place`s, then the most boots; then it is the plainest: the smallest load, the
  /// first workload.
  static func groups(
    of boots: [FigureBoot], varying columns: Set<String>, place: (FigureBoot) -> String
  ) -> [FigureGroup] {
    var order: [ConfigurationKey] = []
    var bootsByKey: [ConfigurationKey: [FigureBoot]] = [:]
    for boot in boots {
      for key in boot.configurations.map({ $0.removing(columns) }) {
        if bootsByKey[key] == nil { order.append(key) }
        bootsByKey[key, default: []].append(boot)
      }
    }
    let groups = order.map { FigureGroup(configuration: $0, boots: bootsByKey[$0] ?? []) }
    let ranked = groups.map { group in
      (group, places: Set(group.boots.map { "\($0.series.name) \(place($0))" }).count)
    }
    return ranked.sorted {
      if $0.places != $1.places { return $0.places > $1.places }
      if $0.0.boots.count != $1.0.boots.count { return $0.0.boots.count > $1.0.boots.count }
      return $0.0.load.lexicographicallyPrecedes($1.0.load)
    }.map(\.0)
  }

  /// Numbers that are small where little is going on.
  private var load: [Int] {
    guard let boot = boots.first else { return [] }
    return [
      boot.iodepth, boot.guests, boot.workers, boot.ioThreads, Int(clamping: boot.workload.blockBytes),
      boot.workload.patternRank,
    ]
  }
}
