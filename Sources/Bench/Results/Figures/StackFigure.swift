/// Bars that are stacks of parts: a bar for each data path.
enum StackFigure {
  /// One layer of the stacks.
  struct Part: Sendable {
    let name: String
    /// The colour in the legend, and of the layer unless ``hasColourOfPath``.
    let colour: String
    /// Whether the layer has the colour of each data path, so that layers differ by hatching alone.
    var hasColourOfPath = false
    let value: @Sendable (FigureBoot) -> Double
  }

  private static let barWidth = 0.6
  /// gnuplot's numbers of hatchings, so that neighbours in a stack differ by more than colour. 3 is a full surface.
  private static let hatchings = [3, 4, 1, 5, 6, 2, 7]

  /// vmexits per request, stacked by cause where all boots of the figure have causes, else by the counters of KVM's statistics.
  static func vmexits(_ boots: [FigureBoot], _ runs: FigureRuns) -> Drawing? {
    let boots = boots.filter { $0.vmexitsPerIO > 0 || $0.sample[.vmexitsPerIO] != nil }
    let shown = FigureGroup.groups(of: boots, varying: FigureKind.vmexits.varyingColumns) { _ in "" }.first
    let isTraced = shown?.boots.allSatisfy { $0.causes != nil } ?? false
    return drawing(
      .vmexits, boots, runs, parts: isTraced ? causes(of: shown?.boots ?? []) : reasons,
      yLabel: "vmexits per I/O",
      reading:
        "Stacks: the boot with the median number of all vmexits per request, by \(isTraced ? "cause" : "KVM's counters"); "
        + "whiskers: smallest and largest boot."
    )
  }

  private static let reasons = ExitReason.allCases.map { reason in
    Part(name: reason.rawValue, colour: reason.colour) { $0.exits[reason] ?? 0 }
  }

  /// A layer for each cause that some boot has.
  private static func causes(of boots: [FigureBoot]) -> [Part] {
    ExitCause.allCases.filter { cause in boots.contains { $0.causes?[cause] ?? 0 > 0 } }.map { cause in
      Part(name: cause.title, colour: cause.colour) { $0.causes?[cause] ?? 0 }
    }
  }

  /// CPU time per request, stacked by thread.
  static func cpuCost(_ boots: [FigureBoot], _ runs: FigureRuns) -> Drawing? {
    drawing(
      .cpuCost, boots, runs,
      parts: [
        Part(name: "I/O threads (full)", colour: "#555555", hasColourOfPath: true) {
          $0.ioThreadMicrosecondsPerIO
        },
        Part(name: "vCPUs (hatched)", colour: "#555555", hasColourOfPath: true) { $0.vcpuMicrosecondsPerIO },
      ], yLabel: "CPU time per I/O, us",
      reading:
        "Stacks: the boot with the median CPU time per request; whiskers: smallest and largest boot. Threads that poll count as busy."
    )
  }

  private static func drawing(
    _ kind: FigureKind, _ boots: [FigureBoot], _ runs: FigureRuns, parts: [Part], yLabel: String,
    reading: String
  ) -> Drawing? {
    let groups = FigureGroup.groups(of: boots, varying: kind.varyingColumns) { _ in "" }
    guard let group = groups.first else { return nil }
    let stacks = group.series.map { Stack(of: group.boots(of: $0), parts: parts.map(\.value)) }
    let file = GnuplotText.quoted(Drawing.dataFile(kind))
    let layers = parts.enumerated().flatMap { index, part in
      plots(of: part, index: index, series: group.series, file: file)
    }
    let whiskers = [
      Drawing.whiskers("\(file) index \(parts.count)"),
      "\(file) index \(parts.count) using 1:4:(sprintf(\"%.3g\", $2)) with labels offset 0,0.7 font \",10\" notitle",
    ]
    return Drawing(
      kind: kind, caption: FigureCaption.sentences(kind, of: group, in: runs, reading: reading),
      blocks: blocks(stacks, series: group.series, parts: parts, yLabel: yLabel),
      panels: [
        Drawing.Panel(
          yLabel: yLabel,
          xTics: group.series.enumerated().map {
            Drawing.Tic(name: $0.element.name, place: Double($0.offset))
          },
          ticAngle: Drawing.Panel.ticAngle(for: group.series.map(\.name)),
          xRange: -0.6...(Double(group.series.count) - 0.4), yStart: 0,
          // Room for the number above the highest whisker.
          yEnd: stacks.map(\.maximum).max().map { $0 > 0 ? 1.12 * $0 : 1 }, plots: layers + whiskers)
      ], legend: parts.map(\.name), otherGroupCount: groups.count - 1)
  }

  /// A layer: at once where it has one colour, else bar by bar with an entry of its own in the legend.
  private static func plots(of part: Part, index: Int, series: [FigureSeries], file: String) -> [String] {
    let place = "\(file) index \(index)"
    let columns = "using 1:2:($1-\(barWidth / 2)):($1+\(barWidth / 2)):2:3 with boxxyerror"
    let title = GnuplotText.quoted(part.name)
    let style = "fs pattern \(hatchings[index % hatchings.count])"
    guard part.hasColourOfPath else {
      return ["\(place) \(columns) \(style) lc rgb \"\(part.colour)\" title \(title)"]
    }
    let bars = series.enumerated().map { row, series in
      "\(place) every ::\(row)::\(row) \(columns) \(style) lc rgb \"\(series.colour)\" notitle"
    }
    return bars + ["NaN with boxes \(style) lc rgb \"\(part.colour)\" title \(title)"]
  }

  private static func blocks(_ stacks: [Stack], series: [FigureSeries], parts: [Part], yLabel: String)
    -> [DataBlock]
  {
    var layers = parts.map { DataBlock(title: $0.name, columns: ["x", "base", "top", yLabel]) }
    var totals = DataBlock(title: "all", columns: DataBlock.spreadColumns("x", yLabel))
    for (place, (stack, series)) in zip(stacks, series).enumerated() {
      var base = 0.0
      for (index, value) in stack.parts.enumerated() {
        layers[index].rows.append(
          DataBlock.Line(values: [Double(place), base, base + value, value], name: series.name))
        base += value
      }
      totals.rows.append(
        DataBlock.Line(
          values: [Double(place), stack.total, stack.minimum, stack.maximum, Double(stack.bootCount)],
          name: series.name))
    }
    return layers + [totals]
  }
}
