/// One table of a figure's data file.
struct DataBlock: Equatable, Sendable {
  /// What its rows have in common.
  let title: String
  /// Names of the columns, units included; the last one, `name`, is for people and is not listed.
  let columns: [String]
  /// The rows.
  var rows: [Line] = []

  /// One row.
  struct Line: Equatable, Sendable {
    let values: [Double]
    /// What the row is about.
    let name: String
  }

  /// The columns of a value with its spread.
  static func spreadColumns(_ x: String, _ y: String) -> [String] {
    [x, "median \(y)", "min", "max", "boots"]
  }

  /// A row of such columns.
  static func spreadLine(_ x: Double, _ samples: [Double], name: String) -> Line? {
    Spread(samples).map {
      Line(values: [x, $0.median, $0.minimum, $0.maximum, Double(samples.count)], name: name)
    }
  }

  /// The file of `blocks`: columns separated by tabs, blocks by two empty lines, which is what gnuplot counts.
  static func text(_ blocks: [DataBlock]) -> String {
    blocks.enumerated().map { index, block in
      let heading = (block.columns + ["name"]).map(GnuplotText.plain).joined(separator: "\t")
      let lines = block.rows.map { row in
        (row.values.map(GnuplotText.number) + [GnuplotText.plain(row.name)]).joined(separator: "\t") + "\n"
      }
      return "# index \(index): \(GnuplotText.plain(block.title))\n# \(heading)\n" + lines.joined()
    }.joined(separator: "\n\n")
  }
}
