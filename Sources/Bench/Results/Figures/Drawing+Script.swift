extension Drawing {
  /// The formats that a script makes, by the ends of the files' names.
  static let formats = ["svg", "pdf", "png"]

  /// The size of a figure, in points: the width of a page when printed at two thirds.
  private static let width = 720.0
  private static let rowHeight = 520.0
  /// What each further row of panels adds.
  private static let furtherRowHeight = 170.0
  private static let rotatedTicHeight = 78.0
  /// Room for a title and the longest numbers left of the axes.
  private static let leftMargin = 100.0
  private static let captionWidth = 118
  private static let captionLineHeight = 13.0
  /// Longer entries of a legend stand two in a row, others three.
  private static let longLegendEntry = 19

  /// The gnuplot script, to be run in the folder of the data file. It makes all formats.
  var script: String {
    let captionLines = GnuplotText.wrapped(caption, width: Self.captionWidth)
    var lines = [
      "# \(title)",
      "# Made by 'bench figures'. Run in this folder: gnuplot \(scriptFile)",
      "set encoding utf8",
      "set datafile separator \"\\t\"",
      "do for [format in \"\(Self.formats.joined(separator: " "))\"] {",
    ]
    let frame = frame(captionLineCount: captionLines.count)
    lines += terminal.map { "  \($0)" }
    lines += placed(captionLines, in: frame).map { "  \($0)" }
    for (index, panel) in panels.enumerated() {
      lines += panelLines(panel, index: index, in: frame).map { "  \($0)" }
    }
    if panels.count > 1 { lines.append("  unset multiplot") }
    lines += ["  unset output", "  reset", "  set datafile separator \"\\t\"", "}"]
    return lines.joined(separator: "\n") + "\n"
  }

  /// The axes' place, as shares of the figure's height.
  private struct Frame {
    let top: Double
    let bottom: Double
  }

  /// Panels in a row.
  private var rowLength: Int { max(1, min(columnCount ?? panels.count, panels.count)) }
  private var rowCount: Int { (panels.count + rowLength - 1) / rowLength }
  private var height: Double {
    Self.rowHeight + Double(rowCount - 1) * Self.furtherRowHeight + max(0, ticHeight - Self.rotatedTicHeight)
  }

  /// What the names below the axes take, in points.
  private var ticHeight: Double {
    let hasLabel = panels.contains { !$0.xLabel.isEmpty }
    let least = panels.contains { $0.ticAngle > 0 } ? Self.rotatedTicHeight : hasLabel ? 60 : 39
    return max(least, panels.map(\.ticHeight).max() ?? 0)
  }

  private var terminal: [String] {
    let (width, height) = (Int(Self.width), Int(height))
    return [
      "if (format eq \"svg\") { set terminal svg size \(width),\(height) dynamic enhanced font \"DejaVu Sans,11\" fontscale 1.3 background \"#ffffff\" }",
      "if (format eq \"pdf\") { set terminal pdfcairo size \(width / 72)in,\(Double(height) / 72)in enhanced font \"DejaVu Sans,11\" background \"#ffffff\" }",
      "if (format eq \"png\") { set terminal pngcairo size \(width * 2),\(height * 2) enhanced font \"DejaVu Sans,11\" fontscale 2 linewidth 2 pointscale 2 background \"#ffffff\" }",
      "set output '\(name).'.format",
    ]
  }

  private var legendColumns: Int { legend.contains { $0.count >= Self.longLegendEntry } ? 2 : 3 }

  /// Where the axes stand: above the caption, below title and legend.
  private func frame(captionLineCount: Int) -> Frame {
    let legendRows = (legend.count + legendColumns - 1) / legendColumns
    return Frame(
      top: 1 - (34 + Double(legendRows) * 17) / height,
      bottom: (Double(captionLineCount) * Self.captionLineHeight + ticHeight) / height)
  }

  /// Title, caption and margins: the caption stands below the axes, the legend above them.
  private func placed(_ captionLines: [String], in frame: Frame) -> [String] {
    var lines = [
      "set label 1 \(GnuplotText.quoted(title)) at screen 0.5,\(Self.decimal(1 - 18 / height)) center font \",13\" noenhanced front"
    ]
    for (number, line) in captionLines.enumerated() {
      let y = (Double(captionLines.count - number) * Self.captionLineHeight - 4) / height
      lines.append(
        "set label \(number + 2) \(GnuplotText.quoted(line)) at screen 0.015,\(Self.decimal(y)) left font \",8.5\" noenhanced"
      )
    }
    lines += [
      "set tmargin at screen \(Self.decimal(frame.top))",
      "set bmargin at screen \(Self.decimal(frame.bottom))",
      "set key at screen 0.5,\(Self.decimal(1 - 28 / height)) center top horizontal maxcols \(legendColumns) Left reverse noenhanced samplen 1.5 width 0 font \",10\"",
      "set border 3 lc rgb \"#333333\"", "set grid y lt 1 lw 0.6 lc rgb \"#cccccc\"",
      "set tics nomirror noenhanced",
      "set style fill solid 1.0 border lc rgb \"#333333\"",
    ]
    if panels.count > 1 { lines.append("set multiplot") }
    if !legendPlots.isEmpty {
      // A plot of nothing across the whole figure: a legend is no wider than its plot.
      lines += [
        "set lmargin at screen 0.05", "set rmargin at screen 0.95", "unset border", "unset tics",
        "set xrange [0:1]", "set yrange [0:1]", "plot \(legendPlots.joined(separator: ", \\\n    "))",
        "unset key", "unset label", "set xtics nomirror noenhanced", "set ytics nomirror noenhanced",
        "set border 3 lc rgb \"#333333\"",
        "set xrange [*:*]",
      ]
    }
    return lines
  }

  private func panelLines(_ panel: Panel, index: Int, in frame: Frame) -> [String] {
    let (row, column) = (index / rowLength, index % rowLength)
    let share = 1 / Double(rowLength)
    let left =
      rowLength == 1
      ? max(Self.leftMargin, panel.leftOverhang(width: Self.width - Self.leftMargin)) / Self.width
      : Double(column) * share + 0.105
    let right = Double(column + 1) * share - 0.03
    // A row's tics stand below it, and the titles of its panels above.
    let slot = (frame.top - frame.bottom) / Double(rowCount)
    let top = frame.top - Double(row) * slot - (panel.title.isEmpty ? 0 : 16 / height)
    let bottom = frame.top - Double(row + 1) * slot + (row < rowCount - 1 ? 24 / height : 0)
    var lines = [
      "set tmargin at screen \(Self.decimal(top))", "set bmargin at screen \(Self.decimal(bottom))",
      panel.title.isEmpty
        ? "unset title"
        : "set title \(GnuplotText.quoted(panel.title)) offset 0,-0.7 font \",10\" noenhanced",
      "set lmargin at screen \(Self.decimal(left))", "set rmargin at screen \(Self.decimal(right))",
      "set xlabel \(GnuplotText.quoted(panel.xLabel)) noenhanced",
      "set ylabel \(GnuplotText.quoted(panel.yLabel)) noenhanced",
      panel.isLogarithmicX ? "set logscale x" : "unset logscale x",
      panel.isLogarithmicY ? "set logscale y" : "unset logscale y",
      // 250k in place of 250000.
      "set format y \(panel.hasLargeNumbers ? (panel.isLogarithmicY ? "'%.0s%c'" : "'%.1s%c'") : "'%g'")",
      "set yrange [\(panel.yStart.map(GnuplotText.number) ?? "*"):\(panel.yEnd.map(GnuplotText.number) ?? "*")]",
    ]
    if let tics = panel.yTics {
      lines.append("set ytics nomirror noenhanced (\(Self.marks(tics)))")
    } else {
      lines.append("set ytics nomirror noenhanced autofreq")
    }
    // An axis that ends with its data has no mark that stands out of the figure.
    if panel.xRange == nil { lines.append("set xrange [*:*] noextend") }
    if let range = panel.xRange {
      lines.append(
        "set xrange [\(GnuplotText.number(range.lowerBound)):\(GnuplotText.number(range.upperBound))]")
    }
    if let tics = panel.xTics {
      lines.append(
        "set xtics \(panel.ticAngle > 0 ? "rotate by \(panel.ticAngle) right" : "norotate") noenhanced "
          // Upright names stand in small panels, close to each other.
          + "font \"\(panel.ticAngle == 90 ? ",8" : "")\" "
          + "(\(Self.marks(tics)))")
    }
    return lines + ["plot \(panel.plots.joined(separator: ", \\\n    "))"]
  }

  private static func marks(_ tics: [Tic]) -> String {
    tics.map { "\(GnuplotText.mark($0.name)) \(GnuplotText.number($0.place))" }.joined(separator: ", ")
  }

  private static func decimal(_ value: Double) -> String {
    let thousandths = (value * 10_000).rounded() / 10_000
    return "\(thousandths)"
  }
}
