/// Lines of throughput against the number of guests that an I/O thread serves.
enum GuestsFigure {
  /// How many of the guests have work.
  private enum Load: Hashable {
    case all
    case some(Int)

    var name: String {
      switch self {
      case .all: "all busy"
      case .some(let count): "\(count) busy"
      }
    }
  }

  /// A line of the figure.
  private struct Line {
    let series: FigureSeries
    let load: Load
    let block: DataBlock
  }

  /// The drawing; nil unless some boots differ in their number of guests alone.
  static func drawing(_ boots: [FigureBoot], _ runs: FigureRuns) -> Drawing? {
    let kind = FigureKind.guests
    let groups = FigureGroup.groups(of: boots, varying: kind.varyingColumns) {
      "\($0.guests) \($0.busyGuests)"
    }
    .filter { Set($0.boots.map(\.guests)).count > 1 }
    guard let group = groups.first else { return nil }
    let lines = lines(of: group)
    let file = GnuplotText.quoted(Drawing.dataFile(kind))
    func plot(_ index: Int, title: String) -> String {
      "\(file) index \(index) using 1:2:3:4 with yerrorlines \(style(of: lines[index])) \(title)"
    }
    let isLarge = lines.count > SmallMultiples.largestSharedCount && group.series.count > 1
    let places = Set(lines.flatMap { $0.block.rows.map { $0.values[0] } }).sorted()
    let medians = lines.flatMap(\.block.rows).map { $0.values[1] }
    let isLogarithmic = (medians.max() ?? 1) > 15 * (medians.min() ?? 1)
    var axes = Drawing.Panel(
      xLabel: "guests per I/O thread (log scale)",
      yLabel: "requests per second\(isLogarithmic ? " (log scale)" : "")", isLogarithmicX: true,
      isLogarithmicY: isLogarithmic, hasLargeNumbers: true,
      xTics: places.map { Drawing.Tic(name: GnuplotText.number($0), place: $0) },
      xRange: (places.first ?? 1) * 0.85...(places.last ?? 1) * 1.18, yStart: isLogarithmic ? nil : 0,
      plots: [])
    axes.plots = lines.indices.map { plot($0, title: "title \(GnuplotText.quoted(lines[$0].block.title))") }
    return Drawing(
      kind: kind,
      caption: FigureCaption.sentences(
        kind, of: group, in: runs,
        reading:
          "Points: median of the requests per second of all guests together; whiskers: smallest and largest boot. "
          + "Guests that are not busy are booted, and their queues are served."
          + (isLarge
            ? " Each panel has one data path in colour, and the others in grey; dashes: some guests idle."
            : "")),
      blocks: lines.map(\.block), panels: isLarge ? multiples(lines, group.series, like: axes) : [axes],
      columnCount: isLarge ? SmallMultiples.columnCount : nil,
      legend: isLarge ? [] : lines.map(\.block.title),
      legendPlots: isLarge ? Drawing.emptyLegend : [], otherGroupCount: groups.count - 1)
  }

  /// Hollow points and dashes where guests idle.
  private static func style(of line: Line) -> String {
    let isFull = line.load == .all
    return
      "lw 1.6 ps 0.8 dt \(isFull ? 1 : 2) pt \(isFull ? line.series.pointType : line.series.pointType - 1) "
      + "lc rgb \"\(line.series.colour)\""
  }

  /// A panel for each series, with a line for each load.
  private static func multiples(_ lines: [Line], _ series: [FigureSeries], like axes: Drawing.Panel)
    -> [Drawing.Panel]
  {
    var axes = axes
    let range = SmallMultiples.range(of: lines.map(\.block), columns: 1...3)
    axes.yEnd = range?.upperBound
    if axes.isLogarithmicY { axes.yStart = range?.lowerBound }
    let file = GnuplotText.quoted(Drawing.dataFile(.guests))
    return SmallMultiples.panels(series.map(\.name), like: axes) { place, isOwn in
      lines.indices.filter { lines[$0].series == series[place] }.map { index in
        isOwn
          ? "\(file) index \(index) using 1:2:3:4 with yerrorlines \(style(of: lines[index])) notitle"
          : "\(file) index \(index) using 1:2 \(SmallMultiples.otherStyle)"
      }
    }
  }

  private static func lines(of group: FigureGroup) -> [Line] {
    group.series.flatMap { series -> [Line] in
      let boots = group.boots(of: series)
      let counts = Set(boots.filter { $0.busyGuests < $0.guests }.map(\.busyGuests)).sorted()
      return ([.all] + counts.map(Load.some)).compactMap { load in
        let block = block(of: boots, series, load)
        return block.rows.isEmpty ? nil : Line(series: series, load: load, block: block)
      }
    }
  }

  /// The data of the boots that fit `load`. A boot whose guests are all busy can belong to two lines: "all", and that number of
  /// busy guests.
  private static func block(of boots: [FigureBoot], _ series: FigureSeries, _ load: Load) -> DataBlock {
    let fitting = boots.filter { boot in
      switch load {
      case .all: boot.busyGuests == boot.guests
      case .some(let count): boot.busyGuests == count
      }
    }
    var block = DataBlock(
      title: "\(series.name), \(load.name)",
      columns: DataBlock.spreadColumns("guests per I/O thread", "requests/s"))
    for count in Set(fitting.map(\.guests)).sorted() {
      let same = fitting.filter { $0.guests == count }
      let share = Double(count) / Double(same[0].ioThreads)
      if let line = DataBlock.spreadLine(
        share, same.compactMap { $0.sample[.iops] }, name: "\(count) guests")
      {
        block.rows.append(line)
      }
    }
    return block
  }
}
