/// Curves of the share of requests that took no longer than a time.
enum LatencyFigure {
  /// The shares at which boots are put together: dense where curves are read, and into the tail.
  private static let shares: [Double] =
    [0.0001, 0.001, 0.005] + (1..<100).map { Double($0) / 100 } + [0.995, 0.999, 0.9999]

  /// The drawing; nil without boots.
  static func drawing(_ boots: [FigureBoot], _ runs: FigureRuns) -> Drawing? {
    let kind = FigureKind.latency
    let groups = FigureGroup.groups(of: boots, varying: kind.varyingColumns) { _ in "" }
    guard let group = groups.first else { return nil }
    let curves = group.series.map { curve(of: $0, group.boots(of: $0)) }
    let bands = zip(group.series, curves).map { band(of: $0, $1) }
    let file = GnuplotText.quoted(Drawing.dataFile(kind))
    let areas = group.series.enumerated().map { index, series in
      "\(file) index \(curves.count + index) using 1:2 with filledcurves closed fs transparent solid 0.25 noborder "
        + "lc rgb \"\(series.colour)\" notitle"
    }
    let lines = group.series.enumerated().map { index, series in
      "\(file) index \(index) using 2:1 with lines lw 2 dt \(series.dashType) lc rgb \"\(series.colour)\" "
        + "title \(GnuplotText.quoted(series.name))"
    }
    return Drawing(
      kind: kind,
      caption: FigureCaption.sentences(
        kind, of: group, in: runs,
        reading:
          "Lines: at each share of the requests, the median of the boots' latencies; bands: smallest and largest boot."
      ), blocks: curves + bands,
      panels: [
        Drawing.Panel(
          xLabel: "latency, us (log scale)", yLabel: "share of requests", isLogarithmicX: true, yStart: 0,
          yEnd: 1,
          plots: areas + lines)
      ], legend: group.series.map(\.name), otherGroupCount: groups.count - 1)
  }

  private static func curve(of series: FigureSeries, _ boots: [FigureBoot]) -> DataBlock {
    var block = DataBlock(title: series.name, columns: DataBlock.spreadColumns("share", "latency us"))
    for share in shares {
      let samples = boots.compactMap { $0.latencies?.nanoseconds(atShare: share) }.map { $0 / 1000 }
      if let line = DataBlock.spreadLine(share, samples, name: series.name) { block.rows.append(line) }
    }
    return block
  }

  /// The outline of all boots of a curve: up along the fastest, down along the slowest.
  private static func band(of series: FigureSeries, _ curve: DataBlock) -> DataBlock {
    let up = curve.rows.map { DataBlock.Line(values: [$0.values[2], $0.values[0]], name: series.name) }
    let down = curve.rows.reversed().map {
      DataBlock.Line(values: [$0.values[3], $0.values[0]], name: series.name)
    }
    return DataBlock(title: "\(series.name), all boots", columns: ["latency us", "share"], rows: up + down)
  }
}
