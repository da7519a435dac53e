/// The distribution of latencies: as the share of requests that took no longer than a time, and beyond p90 on a logarithmic axis of
/// probabilities.
enum LatencyFigure {
  /// The shares at which boots are put together.
  private static let shares: [Double] = [0.0001, 0.001, 0.005] + (1..<100).map { Double($0) / 100 } + [0.995]
  /// The tail begins here.
  private static let tailStart = 0.1
  /// Marks of the logarithmic axis of probabilities.
  private static let marks = [0.5, 0.1, 0.01, 0.001, 0.0001, 0.00001]

  /// The curves of one series, and their places in the data file.
  private struct Curves {
    let series: FigureSeries
    let body: Int
    let bodyBand: Int
    let tail: Int?
    let tailBand: Int?
  }

  /// The drawing; nil without boots.
  static func drawing(_ boots: [FigureBoot], _ runs: FigureRuns) -> Drawing? {
    let kind = FigureKind.latency
    let groups = FigureGroup.groups(of: boots, varying: kind.varyingColumns) { _ in "" }
    guard let group = groups.first else { return nil }
    let all = group.series
    let bodies = all.map { curve(of: $0, group.boots(of: $0)) }
    var blocks = bodies + zip(all, bodies).map { LatencyTail.band($0.name, $1) }
    let tails = all.map { LatencyTail.block($0.name, group.boots(of: $0)) }
    let curves = all.enumerated().map { place, series in
      // gnuplot counts no block without rows.
      guard tails[place].rows.count > 1 else {
        return Curves(series: series, body: place, bodyBand: all.count + place, tail: nil, tailBand: nil)
      }
      blocks += [tails[place], LatencyTail.band(series.name, tails[place])]
      return Curves(
        series: series, body: place, bodyBand: all.count + place, tail: blocks.count - 2,
        tailBand: blocks.count - 1)
    }
    let multiples = all.count > SmallMultiples.largestSharedCount ? multiples(curves, tails) : nil
    let isLarge = multiples != nil
    let panels = multiples ?? [body(curves)] + (tail(curves, tails).map { [$0] } ?? [])
    let needsLegend = !isLarge && panels.count > 1
    return Drawing(
      kind: kind,
      caption: FigureCaption.sentences(kind, of: group, in: runs, reading: reading(isLarge, panels.count)),
      blocks: blocks, panels: panels, columnCount: isLarge ? SmallMultiples.columnCount : nil,
      legend: isLarge ? [] : all.map(\.name),
      legendPlots: needsLegend
        ? all.map { "NaN with lines \(style(of: $0)) title \(GnuplotText.quoted($0.name))" }
        : isLarge ? Drawing.emptyLegend : [],
      otherGroupCount: groups.count - 1)
  }

  private static func reading(_ isLarge: Bool, _ panelCount: Int) -> String {
    let lines =
      "Lines: at each share of the requests, the median of the boots' latencies; bands: smallest and largest boot."
    let tail =
      "The axis of percentiles is logarithmic in the share of requests that took longer, and a curve ends where most boots "
      + "have fewer than ten requests left."
    if isLarge { return "\(lines) Each panel has one data path in colour, and the others in grey. \(tail)" }
    return panelCount > 1 ? "\(lines) Left: all requests; right: those beyond p90. \(tail)" : lines
  }

  private static var file: String { GnuplotText.quoted(Drawing.dataFile(.latency)) }

  private static func style(of series: FigureSeries) -> String {
    "lw 2 dt \(series.dashType) lc rgb \"\(series.colour)\""
  }

  private static func area(_ block: Int, _ series: FigureSeries) -> String {
    "\(file) index \(block) using 1:2 with filledcurves closed fs transparent solid 0.25 noborder "
      + "lc rgb \"\(series.colour)\" notitle"
  }

  private static func line(_ block: Int, _ series: FigureSeries, title: String) -> String {
    "\(file) index \(block) using 2:1 with lines \(style(of: series)) \(title)"
  }

  private static func body(_ curves: [Curves]) -> Drawing.Panel {
    let lines = curves.map { line($0.body, $0.series, title: "title \(GnuplotText.quoted($0.series.name))") }
    return Drawing.Panel(
      xLabel: "latency, us (log scale)", yLabel: "share of requests", isLogarithmicX: true, yStart: 0,
      yEnd: 1,
      plots: curves.map { area($0.bodyBand, $0.series) } + lines)
  }

  /// The axes of a tail; nil if no boot has the requests for one.
  private static func axes(_ tails: [DataBlock], from start: Double) -> Drawing.Panel? {
    let shown = tails.map { tail in
      DataBlock(title: tail.title, columns: tail.columns, rows: tail.rows.filter { $0.values[0] <= start })
    }
    guard let range = SmallMultiples.range(of: shown, columns: 1...3),
      let end = shown.flatMap(\.rows).map({ $0.values[0] }).min(), end < start
    else { return nil }
    let tics = marks.filter { (end * 0.999...start).contains($0) }
      .map { Drawing.Tic(name: LatencyTail.percentile($0), place: $0) }
    return Drawing.Panel(
      xLabel: "latency, us (log scale)", yLabel: "percentile (log probability)", isLogarithmicX: true,
      isLogarithmicY: true, xRange: range, yStart: start, yEnd: end * 0.9, yTics: tics, plots: [])
  }

  private static func tail(_ curves: [Curves], _ tails: [DataBlock]) -> Drawing.Panel? {
    guard var panel = axes(tails, from: tailStart) else { return nil }
    panel.plots =
      curves.compactMap { curve in curve.tailBand.map { area($0, curve.series) } }
      + curves.compactMap { curve in curve.tail.map { line($0, curve.series, title: "notitle") } }
    return panel
  }

  /// A panel for each series, from the fastest requests to the tail; nil if no boot has the requests for one.
  private static func multiples(_ curves: [Curves], _ tails: [DataBlock]) -> [Drawing.Panel]? {
    guard let axes = axes(tails, from: 1) else { return nil }
    return SmallMultiples.panels(curves.map(\.series.name), like: axes) { place, isOwn in
      let curve = curves[place]
      guard let tail = curve.tail, let band = curve.tailBand else { return [] }
      return isOwn
        ? [area(band, curve.series), line(tail, curve.series, title: "notitle")]
        : ["\(file) index \(tail) using 2:1 \(SmallMultiples.otherStyle)"]
    }
  }

  private static func curve(of series: FigureSeries, _ boots: [FigureBoot]) -> DataBlock {
    var block = DataBlock(title: series.name, columns: DataBlock.spreadColumns("share", "latency us"))
    for share in shares {
      let samples = boots.compactMap { $0.latencies?.nanoseconds(atShare: share) }.map { $0 / 1000 }
      if let line = DataBlock.spreadLine(share, samples, name: series.name) { block.rows.append(line) }
    }
    return block
  }
}
