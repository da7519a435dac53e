/// A figure as data and as instructions to draw them.
struct Drawing: Equatable, Sendable {
  /// One pair of axes.
  struct Panel: Equatable, Sendable {
    var xLabel = ""
    var yLabel: String
    var isLogarithmicX = false
    var isLogarithmicY = false
    var hasLargeNumbers = false
    /// Places and names of the marks of the x axis; nil: gnuplot chooses.
    var xTics: [Tic]?
    /// By how many degrees the names of the x axis are turned; 0 lets them lie.
    var ticAngle = 0
    var xRange: ClosedRange<Double>?
    /// The lower end of the y axis; nil: gnuplot chooses.
    var yStart: Double?
    /// The upper end, likewise. One that is below ``yStart`` turns the axis round.
    var yEnd: Double?
    /// Places and names of the marks of the y axis; nil: gnuplot chooses.
    var yTics: [Tic]?
    /// What stands above the panel; empty: nothing.
    var title = ""
    /// What `plot` draws, in order.
    var plots: [String]
  }

  /// A mark of an axis.
  struct Tic: Equatable, Sendable {
    let name: String
    let place: Double
  }

  let kind: FigureKind
  /// Sentences below the figure.
  let caption: [String]
  /// The data file's content.
  let blocks: [DataBlock]
  /// From left to right, ``columnCount`` of them in a row.
  let panels: [Panel]
  /// Panels in a row; nil: all.
  var columnCount: Int?
  /// The entries of the legend.
  let legend: [String]
  /// What draws the legend where it is for several panels; empty: the panel's own plots.
  var legendPlots: [String] = []
  /// Other boots could have been drawn as well: how many configurations of them.
  let otherGroupCount: Int

  /// The stem of its files.
  var name: String { kind.rawValue }
  /// What stands above it.
  var title: String { "\(kind.title) (reconstruction)" }
  /// The data file's name.
  static func dataFile(_ kind: FigureKind) -> String { "\(kind.rawValue).dat" }
  /// What `plot` draws where another plot of the figure draws title, caption and no legend.
  static let emptyLegend = ["NaN notitle"]
  /// Draws smallest and largest values, columns 3 and 4, over bars. (gnuplot's own whiskers blank what is below their middle.)
  static func whiskers(_ data: String) -> String {
    "\(data) using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 nofilled lw 1.2 lc rgb \"#000000\" notitle"
  }
  /// The script's name.
  var scriptFile: String { "\(name).gp" }
  /// The data file's content.
  var data: String {
    ([title] + caption).map { "# \(GnuplotText.plain($0))\n" }.joined() + DataBlock.text(blocks)
  }
}
