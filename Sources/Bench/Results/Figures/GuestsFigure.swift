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
    let plots = lines.enumerated().map { index, line in
      // Hollow points and dashes where guests idle.
      let isFull = line.load == .all
      return "\(file) index \(index) using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt \(isFull ? 1 : 2) "
        + "pt \(isFull ? line.series.pointType : line.series.pointType - 1) lc rgb \"\(line.series.colour)\" "
        + "title \(GnuplotText.quoted(line.block.title))"
    }
    let places = Set(lines.flatMap { $0.block.rows.map { $0.values[0] } }).sorted()
    let medians = lines.flatMap(\.block.rows).map { $0.values[1] }
    let isLogarithmic = (medians.max() ?? 1) > 15 * (medians.min() ?? 1)
    return Drawing(
      kind: kind,
      caption: FigureCaption.sentences(
        kind, of: group, in: runs,
        reading:
          "Points: median of the requests per second of all guests together; whiskers: smallest and largest boot. "
          + "Guests that are not busy are booted, and their queues are served."),
      blocks: lines.map(\.block),
      panels: [
        Drawing.Panel(
          xLabel: "guests per I/O thread (log scale)",
          yLabel: "requests per second\(isLogarithmic ? " (log scale)" : "")",
          isLogarithmicX: true,
          isLogarithmicY: isLogarithmic, hasLargeNumbers: true,
          xTics: places.map { Drawing.Tic(name: GnuplotText.number($0), place: $0) },
          xRange: (places.first ?? 1) * 0.85...(places.last ?? 1) * 1.18, yStart: isLogarithmic ? nil : 0,
          plots: plots)
      ], legend: lines.map(\.block.title), otherGroupCount: groups.count - 1)
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

  /// Boots of `load`. Where as many guests as that are all that there are, the boot belongs to both lines.
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
