/// Many series: a small panel for each, in which the others are grey lines.
///
/// More lines than a reader can tell apart in one panel are not drawn in one.
enum SmallMultiples {
  /// More series than this get a panel each.
  static let largestSharedCount = 6
  /// Panels in a row.
  static let columnCount = 3
  /// The style of the lines of other series.
  static let otherStyle = "with lines lw 0.8 lc rgb \"\(otherColour)\" notitle"
  /// The colour of other series.
  static let otherColour = "#c0c0c0"

  /// A panel for each of `names`, all with the axes of `template`.
  ///
  /// - Parameters:
  ///   - template: Its axes must have fixed ends, so that the panels can be compared.
  ///   - plots: What `plot` draws of the series at this place: in colour if it is the panel's own.
  static func panels(
    _ names: [String], like template: Drawing.Panel, plots: (_ place: Int, _ isOwn: Bool) -> [String]
  ) -> [Drawing.Panel] {
    names.indices.map { place in
      var panel = template
      panel.title = names[place]
      // Labels stand at the outer panels only.
      if !place.isMultiple(of: columnCount) { panel.yLabel = "" }
      if place + columnCount < names.count {
        panel.xLabel = ""
        panel.xTics = panel.xTics?.map { Drawing.Tic(name: "", place: $0.place) }
      }
      panel.plots =
        names.indices.filter { $0 != place }.flatMap { plots($0, false) } + plots(place, true)
      return panel
    }
  }

  /// The range of all values of `blocks` in `columns`, widened a little for a logarithmic axis; nil without a value above 0.
  static func range(of blocks: [DataBlock], columns: ClosedRange<Int>) -> ClosedRange<Double>? {
    let values = blocks.flatMap(\.rows).flatMap { $0.values[columns] }.filter { $0 > 0 && $0.isFinite }
    guard let low = values.min(), let high = values.max() else { return nil }
    return low * 0.87...high * 1.15
  }
}
