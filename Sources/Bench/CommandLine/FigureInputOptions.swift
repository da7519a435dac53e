import ArgumentParser

/// The boots that figures and reports are made of.
struct FigureInputOptions: ParsableArguments {
  @Option(
    name: .customLong("from"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Files of rows, or folders of them: those of bench matrix, or any.", valueName: "runs"))
  var sources = [OutputFiles.defaultFolder]

  @OptionGroup var choice: RowChoiceOptions

  /// The boots.
  func runs() throws -> FigureRuns { try FigureRuns(sources, choice: choice.choice) }
}
