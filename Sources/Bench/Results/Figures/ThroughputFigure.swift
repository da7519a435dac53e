/// Throughput: a cluster for each workload, in it a dot with an interval for each data path.
///
/// A bar's length says nothing on a logarithmic axis, so that there are none.
enum ThroughputFigure {
  /// The width of a cluster's dots together; clusters are 1 apart.
  private static let clusterWidth = 0.82
  /// Rates that differ by more than this are drawn on a logarithmic axis.
  private static let largestLinearRatio = 15.0

  /// The drawing; nil without boots.
  static func drawing(_ boots: [FigureBoot], _ runs: FigureRuns) -> Drawing? {
    let kind = FigureKind.throughput
    let groups = FigureGroup.groups(of: boots, varying: kind.varyingColumns) { $0.workload.name }
    guard let group = groups.first else { return nil }
    let workloads = Set(group.boots.map(\.workload)).sorted(by: FigureWorkload.precedes)
    let blocks = group.series.enumerated().map { index, series in
      block(of: series, at: index, of: group, workloads: workloads)
    }
    let medians = blocks.flatMap(\.rows).map { $0.values[1] }
    let isLogarithmic = (medians.max() ?? 1) > largestLinearRatio * (medians.min() ?? 1)
    let file = GnuplotText.quoted(Drawing.dataFile(kind))
    let dots = group.series.enumerated().map { index, series in
      "\(file) index \(index) using 1:2:3:4 with yerrorbars lw 1.4 ps 0.9 pt \(series.pointType) "
        + "lc rgb \"\(series.colour)\" title \(GnuplotText.quoted(series.name))"
    }
    return Drawing(
      kind: kind,
      caption: FigureCaption.sentences(
        kind, of: group, in: runs,
        reading: "Dots: median of all guests' requests per second; whiskers: smallest and largest boot."),
      blocks: blocks,
      panels: [
        Drawing.Panel(
          yLabel: "requests per second\(isLogarithmic ? " (log scale)" : "")", isLogarithmicY: isLogarithmic,
          hasLargeNumbers: true,
          xTics: workloads.enumerated().map { Drawing.Tic(name: $0.element.name, place: Double($0.offset)) },
          rotatesTics: workloads.count > 6, xRange: -0.6...(Double(workloads.count) - 0.4),
          yStart: isLogarithmic ? nil : 0, plots: dots)
      ], legend: group.series.map(\.name), otherGroupCount: groups.count - 1)
  }

  private static func block(
    of series: FigureSeries, at index: Int, of group: FigureGroup, workloads: [FigureWorkload]
  ) -> DataBlock {
    let width = clusterWidth / Double(group.series.count)
    var block = DataBlock(title: series.name, columns: DataBlock.spreadColumns("x", "requests/s"))
    for (place, workload) in workloads.enumerated() {
      let samples = group.boots(of: series).filter { $0.workload == workload }.compactMap {
        $0.sample[.iops]
      }
      let x = Double(place) - clusterWidth / 2 + width * (Double(index) + 0.5)
      if let line = DataBlock.spreadLine(x, samples, name: workload.name) { block.rows.append(line) }
    }
    return block
  }
}
