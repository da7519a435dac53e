import ArgumentParser

/// `bench exits`: vmexits per request, data path by cause.
struct ExitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exits",
    abstract: "Prints vmexits per request by cause and data path.",
    discussion: """
      The rows must have been measured by bench run --exits trace, or auto on a host that allows it. Each configuration has a table of \
      its own; the values of a path are those of its boot with the median number of vmexits per request.
      """)

  @Argument(
    help: ArgumentHelp(
      "Files of rows, or folders of them. Default: \(OutputFiles.defaultFolder).", valueName: "runs"))
  var sources: [String] = []

  @OptionGroup var choice: RowChoiceOptions

  func run() throws {
    let runs = try FigureRuns(
      sources.isEmpty ? [OutputFiles.defaultFolder] : sources, choice: choice.choice)
    let tables = ExitTable.all(of: runs.boots)
    guard !tables.isEmpty else {
      throw BenchFailure(
        "no boot has vmexits by cause: they were measured with --exits stats, on a host that does not allow more, or by a bench "
          + "before schema version 6", exitCode: .dataError)
    }
    for table in tables {
      try StandardOutput.writeLine("\(table.title)\n\n\(table.table.plainText())")
    }
    for note in ExitTable.notes(runs) { try StandardOutput.writeLine("- \(note)") }
  }
}
