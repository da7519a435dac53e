/// Throughput and latency against the queue depth, side by side.
enum DepthFigure {
  /// The drawing; nil unless some boots differ in their depth alone.
  static func drawing(_ boots: [FigureBoot], _ runs: FigureRuns) -> Drawing? {
    let kind = FigureKind.depth
    let groups = FigureGroup.groups(of: boots, varying: kind.varyingColumns) { "\($0.iodepth)" }
      .filter { Set($0.boots.map(\.iodepth)).count > 1 }
    guard let group = groups.first else { return nil }
    let rates = group.series.map { block(of: $0, group, .iops, unit: "requests/s") }
    let latencies = group.series.map { block(of: $0, group, .latencyP50, unit: "latency p50 us") }
    let depths = Set(group.boots.map(\.iodepth)).sorted()
    let isLarge = group.series.count > SmallMultiples.largestSharedCount
    func panel(_ yLabel: String, hasLargeNumbers: Bool, firstIndex: Int) -> Drawing.Panel {
      Drawing.Panel(
        xLabel: "requests in flight per worker", yLabel: "\(yLabel) (log scale)", isLogarithmicX: true,
        isLogarithmicY: true, hasLargeNumbers: hasLargeNumbers,
        xTics: depths.map { Drawing.Tic(name: String($0), place: Double($0)) },
        xRange: Double(depths[0]) * 0.85...Double(depths[depths.count - 1]) * 1.18,
        plots: group.series.enumerated().map { index, series in
          "\(GnuplotText.quoted(Drawing.dataFile(kind))) index \(firstIndex + index) using 1:2:3:4 with yerrorlines "
            + "\(style(of: series)) \(title(of: series))"
        })
    }
    let both = [
      panel("requests per second", hasLargeNumbers: true, firstIndex: 0),
      panel("latency p50, us", hasLargeNumbers: false, firstIndex: rates.count),
    ]
    let points = "Points: median; whiskers: smallest and largest boot."
    return Drawing(
      kind: kind,
      caption: FigureCaption.sentences(
        kind, of: group, in: runs,
        reading: isLarge
          ? "Requests per second. Each panel has one data path in colour, and the others in grey. \(points)"
          : "Left: requests per second; right: median latency of the requests. \(points)"
      ), blocks: rates + latencies,
      panels: isLarge ? multiples(group.series, rates, like: both[0]) : both,
      columnCount: isLarge ? SmallMultiples.columnCount : nil,
      legend: isLarge ? [] : group.series.map(\.name),
      legendPlots: isLarge
        ? Drawing.emptyLegend : group.series.map { "NaN with linespoints \(style(of: $0)) \(title(of: $0))" },
      otherGroupCount: groups.count - 1)
  }

  /// A panel of requests per second for each series.
  private static func multiples(_ series: [FigureSeries], _ rates: [DataBlock], like axes: Drawing.Panel)
    -> [Drawing.Panel]
  {
    var axes = axes
    let range = SmallMultiples.range(of: rates, columns: 1...3)
    (axes.yStart, axes.yEnd) = (range?.lowerBound, range?.upperBound)
    let file = GnuplotText.quoted(Drawing.dataFile(.depth))
    return SmallMultiples.panels(series.map(\.name), like: axes) { place, isOwn in
      isOwn
        ? ["\(file) index \(place) using 1:2:3:4 with yerrorlines \(style(of: series[place])) notitle"]
        : ["\(file) index \(place) using 1:2 \(SmallMultiples.otherStyle)"]
    }
  }

  /// How a series is drawn, in all panels and in the legend.
  private static func style(of series: FigureSeries) -> String {
    "lw 1.6 ps 0.8 dt \(series.dashType) pt \(series.pointType) lc rgb \"\(series.colour)\""
  }

  private static func title(of series: FigureSeries) -> String { "title \(GnuplotText.quoted(series.name))" }

  private static func block(of series: FigureSeries, _ group: FigureGroup, _ metric: Metric, unit: String)
    -> DataBlock
  {
    var block = DataBlock(
      title: "\(series.name), \(metric.rawValue)", columns: DataBlock.spreadColumns("iodepth", unit))
    let boots = group.boots(of: series)
    for depth in Set(boots.map(\.iodepth)).sorted() {
      let samples = boots.filter { $0.iodepth == depth }.compactMap { $0.sample[metric] }
      if let line = DataBlock.spreadLine(Double(depth), samples, name: "iodepth \(depth)") {
        block.rows.append(line)
      }
    }
    return block
  }
}
