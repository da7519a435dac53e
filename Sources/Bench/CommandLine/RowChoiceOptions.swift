import ArgumentParser

/// Which rows of the files that were named are taken.
struct RowChoiceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Take the rows of the host whose description has this text.", valueName: "text"))
  var host: String?

  @Option(
    name: .customLong("where"),
    help: ArgumentHelp(
      "Take only rows whose column has this value: iodepth=1; repeatable.", valueName: "column=value"))
  var conditions: [String] = []

  func validate() throws {
    for condition in conditions {
      let parts = Self.parts(condition)
      guard parts.count == 2 else {
        throw ValidationError("--where \(condition): it must be COLUMN=VALUE")
      }
      if let objection = RecordColumns.objection(toConfigurationColumn: parts[0]) {
        throw ValidationError("--where \(condition): \(objection)")
      }
      if let current = RecordColumns.column(named: parts[0])?.current(parts[1]), current != parts[1] {
        throw ValidationError("--where \(condition): \(parts[1]) is now called \(current)")
      }
    }
    if host == "" { throw ValidationError("--host must say a part of a host's description") }
  }

  /// What was asked for.
  var choice: FigureRuns.Choice {
    var choice = FigureRuns.Choice(host: host)
    for parts in conditions.map(Self.parts) { choice.values[parts[0]] = parts[1] }
    return choice
  }

  private static func parts(_ condition: String) -> [String] {
    condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
  }
}
