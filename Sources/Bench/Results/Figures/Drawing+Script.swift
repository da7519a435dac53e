extension Drawing {
  /// The formats that a script makes, by the ends of the files' names.
  static let formats = ["svg", "pdf", "png"]

  /// The size of a figure, in points: the width of a page when printed at two thirds.
  private static let width = 720.0
  private static let height = 520.0
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
    lines += Self.terminal(name).map { "  \($0)" }
    lines += placed(captionLines).map { "  \($0)" }
    for (index, panel) in panels.enumerated() {
      lines += panelLines(panel, index: index).map { "  \($0)" }
    }
    if panels.count > 1 { lines.append("  unset multiplot") }
    lines += ["  unset output", "  reset", "  set datafile separator \"\\t\"", "}"]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func terminal(_ name: String) -> [String] {
    let (width, height) = (Int(width), Int(height))
    return [
      "if (format eq \"svg\") { set terminal svg size \(width),\(height) dynamic enhanced font \"DejaVu Sans,11\" fontscale 1.3 background \"#ffffff\" }",
      "if (format eq \"pdf\") { set terminal pdfcairo size \(width / 72)in,\(Double(height) / 72)in enhanced font \"DejaVu Sans,11\" background \"#ffffff\" }",
      "if (format eq \"png\") { set terminal pngcairo size \(width * 2),\(height * 2) enhanced font \"DejaVu Sans,11\" fontscale 2 linewidth 2 pointscale 2 background \"#ffffff\" }",
      "set output '\(name).'.format",
    ]
  }

  private var legendColumns: Int { legend.contains { $0.count >= Self.longLegendEntry } ? 2 : 3 }

  /// Title, caption and margins: the caption stands below the axes, the legend above them.
  private func placed(_ captionLines: [String]) -> [String] {
    var lines = [
      "set label 1 \(GnuplotText.quoted(title)) at screen 0.5,0.965 center font \",13\" noenhanced front"
    ]
    for (number, line) in captionLines.enumerated() {
      let y = (Double(captionLines.count - number) * Self.captionLineHeight - 4) / Self.height
      lines.append(
        "set label \(number + 2) \(GnuplotText.quoted(line)) at screen 0.015,\(Self.decimal(y)) left font \",8.5\" noenhanced"
      )
    }
    let captionTop = Double(captionLines.count) * Self.captionLineHeight / Self.height
    let hasRotatedTics = panels.contains(where: \.rotatesTics)
    let hasLabel = panels.contains { !$0.xLabel.isEmpty }
    let legendRows = (legend.count + legendColumns - 1) / legendColumns
    let top = 0.935 - Double(legendRows) * 17 / Self.height
    let bottom = captionTop + (hasRotatedTics ? 0.15 : hasLabel ? 0.115 : 0.075)
    lines += [
      "set tmargin at screen \(Self.decimal(top))", "set bmargin at screen \(Self.decimal(bottom))",
      "set key at screen 0.5,\(Self.decimal(0.945)) center top horizontal maxcols \(legendColumns) Left reverse noenhanced samplen 1.5 width 0 font \",10\"",
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

  private func panelLines(_ panel: Panel, index: Int) -> [String] {
    let share = 1 / Double(panels.count)
    let left = Double(index) * share + 0.105
    let right = Double(index + 1) * share - 0.03
    var lines = [
      "set lmargin at screen \(Self.decimal(left))", "set rmargin at screen \(Self.decimal(right))",
      "set xlabel \(GnuplotText.quoted(panel.xLabel)) noenhanced",
      "set ylabel \(GnuplotText.quoted(panel.yLabel)) noenhanced",
      panel.isLogarithmicX ? "set logscale x" : "unset logscale x",
      panel.isLogarithmicY ? "set logscale y" : "unset logscale y",
      // 250k in place of 250000.
      "set format y \(panel.hasLargeNumbers ? (panel.isLogarithmicY ? "'%.0s%c'" : "'%.1s%c'") : "'%g'")",
      "set yrange [\(panel.yStart.map(GnuplotText.number) ?? "*"):\(panel.yEnd.map(GnuplotText.number) ?? "*")]",
    ]
    // An axis that ends with its data has no mark that stands out of the figure.
    if panel.xRange == nil { lines.append("set xrange [*:*] noextend") }
    if let range = panel.xRange {
      lines.append(
        "set xrange [\(GnuplotText.number(range.lowerBound)):\(GnuplotText.number(range.upperBound))]")
    }
    if let tics = panel.xTics {
      let marks = tics.map { "\(GnuplotText.quoted($0.name)) \(GnuplotText.number($0.place))" }
      lines.append(
        "set xtics \(panel.rotatesTics ? "rotate by 30 right " : "")noenhanced (\(marks.joined(separator: ", ")))"
      )
    }
    return lines + ["plot \(panel.plots.joined(separator: ", \\\n    "))"]
  }

  private static func decimal(_ value: Double) -> String {
    let thousandths = (value * 10_000).rounded() / 10_000
    return "\(thousandths)"
  }
}
