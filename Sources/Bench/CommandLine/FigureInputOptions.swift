import ArgumentParser

/// The boots that figures and reports are made of.
struct FigureInputOptions: ParsableArguments {
  @Option(
    name: .customLong("from"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Files of rows, or folders of them: those of bench matrix, or any.", valueName: "runs"))
  var sources = [OutputFiles.defaultFolder]

  @Option(help: ArgumentHelp("Take the rows of the host whose description has this text.", valueName: "text"))
  var host: String?

  @Option(
    name: .customLong("where"),
    help: ArgumentHelp(
      "Take only rows whose column has this value: iodepth=1; repeatable.", valueName: "column=value"))
  var conditions: [String] = []

  func validate() throws {
    for condition in conditions {
      let parts = condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let column = String(parts[0])
      guard parts.count == 2 else {
        throw ValidationError("--where \(condition): it must be COLUMN=VALUE")
      }
      if let objection = RecordColumns.objection(toConfigurationColumn: column) {
        throw ValidationError("--where \(condition): \(objection)")
      }
      if let current = RecordColumns.column(named: column)?.current(String(parts[1])), current != parts[1] {
        throw ValidationError("--where \(condition): \(parts[1]) is now called \(current)")
      }
    }
    if host == "" { throw ValidationError("--host must say a part of a host's description") }
  }

  /// The boots.
  func runs() throws -> FigureRuns {
    var choice = FigureRuns.Choice(host: host)
    for condition in conditions {
      let parts = condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      choice.values[String(parts[0])] = String(parts[1])
    }
    return try FigureRuns(sources, choice: choice)
  }
}
