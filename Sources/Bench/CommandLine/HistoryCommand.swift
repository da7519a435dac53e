import ArgumentParser

/// `bench history`: metrics over time, and where their level changed.
struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Shows kept results as time lines, and the revisions with which their level changed.",
    discussion: """
      All CSV files below the folder are read, but for folders named runs and boots. Hosts and configurations are kept apart; \
      builds of one kernel version are one host. Series without a step are not listed. What \
      was read of a file is kept in a SQLite database until the file changes; the database may be deleted at any time.
      """)

  @Argument(help: ArgumentHelp("A folder of results, or a file of rows.", valueName: "folder"))
  var folder = "results"

  @Option(
    name: .customLong("metric"),
    help: ArgumentHelp(
      "Show this metric; repeatable. Default: \(Metric.judgedByDefault.map(\.rawValue).joined(separator: ", ")).",
      valueName: "column"))
  var metrics: [Metric] = []

  @Flag(help: "List series without a step too.")
  var all = false

  @Flag(help: "List every point.")
  var points = false

  @Option(
    help: ArgumentHelp("The database of points. Default: below $XDG_CACHE_HOME/vext.", valueName: "file"))
  var database: String?

  @Option(help: "How the result is printed.")
  var format = ReportFormat.table

  func run() throws {
    // Without a place for a cache, the files are read each time.
    let cache =
      try database.map { try HistoryCache(path: $0) } ?? (try? HistoryCache(path: nil))
    let history = try History(
      folder: folder, metrics: metrics.isEmpty ? Metric.judgedByDefault : metrics, cache: cache)
    try StandardOutput.write(history.text(format, showsPoints: points, showsAll: all))
  }
}
