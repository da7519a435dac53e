import ArgumentParser

/// Which boots figures and reports are made of.
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
    let columns = RunRecord.CodingKeys.columns(of: .configuration).map(\.rawValue)
    for condition in conditions {
      let parts = condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, columns.contains(String(parts[0])) else {
        throw ValidationError(
          "--where \(condition): it must be COLUMN=VALUE; the columns are \(columns.joined(separator: ", "))")
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
