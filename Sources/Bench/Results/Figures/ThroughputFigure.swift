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
    let reading = "Dots: median of all guests' requests per second; whiskers: smallest and largest boot."
    let panel = Drawing.Panel(
      yLabel: "requests per second\(isLogarithmic ? " (log scale)" : "")", isLogarithmicY: isLogarithmic,
      hasLargeNumbers: true,
      xTics: workloads.enumerated().map { Drawing.Tic(name: $0.element.name, place: Double($0.offset)) },
      ticAngle: Drawing.Panel.ticAngle(for: workloads.map(\.name)),
      xRange: -0.6...(Double(workloads.count) - 0.4), yStart: isLogarithmic ? nil : 0, plots: dots)
    let multiples = multiples(group.series, blocks, like: panel)
    return Drawing(
      kind: kind,
      caption: FigureCaption.sentences(
        kind, of: group, in: runs,
        reading: reading
          + (multiples == nil ? "" : " Each panel has one data path in colour, and the others in grey.")),
      blocks: blocks, panels: multiples ?? [panel],
      columnCount: multiples == nil ? nil : SmallMultiples.columnCount,
      legend: multiples == nil ? group.series.map(\.name) : [],
      legendPlots: multiples == nil ? [] : Drawing.emptyLegend, otherGroupCount: groups.count - 1)
  }

  /// A panel for each of many series, in which the medians of the others are grey; nil for few.
  private static func multiples(
    _ series: [FigureSeries], _ blocks: [DataBlock], like panel: Drawing.Panel
  ) -> [Drawing.Panel]? {
    guard series.count > SmallMultiples.largestSharedCount,
      let range = SmallMultiples.range(of: blocks, columns: 1...3)
    else { return nil }
    var template = panel
    // As wide as a third of the figure: only names that stand upright do not lie over each other.
    template.ticAngle = 90
    template.yLabel = "requests/s\(panel.isLogarithmicY ? " (log)" : "")"
    template.yStart = panel.isLogarithmicY ? range.lowerBound : 0
    template.yEnd = range.upperBound
    let file = GnuplotText.quoted(Drawing.dataFile(.throughput))
    return SmallMultiples.panels(series.map(\.name), like: template) { place, isOwn in
      // In a panel of its own a path stands in the middle of each workload.
      let middle = "\(file) index \(place) using (floor($1+0.5)):2"
      return isOwn
        ? [
          "\(middle):3:4 with yerrorbars lw 1.4 ps 0.7 pt \(series[place].pointType) "
            + "lc rgb \"\(series[place].colour)\" notitle"
        ] : ["\(middle) with points pt 7 ps 0.35 lc rgb \"\(SmallMultiples.otherColour)\" notitle"]
    }
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
