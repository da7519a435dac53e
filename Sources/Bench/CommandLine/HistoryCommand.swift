import ArgumentParser

/// `bench history`: metrics over time, and where their level changed.
struct HistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Shows kept results as time lines, and the revisions with which their level changed.",
    discussion: """
      All CSV files below the folder are read, but for folders named runs and boots. Hosts and configurations are kept apart.
      """)

  @Argument(help: ArgumentHelp("A folder of results, or a file of rows.", valueName: "folder"))
  var folder = "results"

  @Option(
    name: .customLong("metric"),
    help: ArgumentHelp(
      "Show this metric; repeatable. Default: \(Metric.judgedByDefault.map(\.rawValue).joined(separator: ", ")).",
      valueName: "column"))
  var metrics: [Metric] = []

  @Flag(help: "List every point.")
  var points = false

  @Option(help: "How the result is printed.")
  var format = ReportFormat.table

  func run() throws {
    let history = try History(folder: folder, metrics: metrics.isEmpty ? Metric.judgedByDefault : metrics)
    try StandardOutput.write(history.text(format, showsPoints: points))
  }
}
