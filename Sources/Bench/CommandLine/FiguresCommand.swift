import ArgumentParser

/// `bench figures`: the paper's figures, reconstructed from rows.
struct FiguresCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "figures",
    abstract: "Draws the paper's figures, reconstructed, from rows that were measured.",
    discussion: """
      For each figure, the output folder contains a gnuplot script, its data, and SVG, PDF and PNG files. bench leaves out a \
      figure whose data are not among the rows, and names it. Exit code 69: gnuplot is not installed; data and scripts are there.
      """)

  @OptionGroup var input: FigureInputOptions

  @Option(help: ArgumentHelp("The folder of the figures.", valueName: "folder"))
  var output: String

  func validate() throws {
    if output.isEmpty { throw ValidationError("--output must name a folder") }
  }

  func run() throws {
    let runs = try input.runs()
    let figures = try FigureSet(runs)
    for name in figures.fileNames {
      try FileIdentity.refuse("--output", "\(output)/\(name)", among: runs.inputs)
    }
    try figures.write(to: output)
    let gnuplot = Gnuplot()
    if let gnuplot { try figures.draw(in: output, with: gnuplot) }
    for line in figures.summary(folder: output, isDrawn: gnuplot != nil) {
      try StandardOutput.writeLine(line)
    }
    if runs.unsoundCount > 0 {
      try StandardOutput.writeLine(
        "\(runs.unsoundCount) boot(s) with failed requests or wrong data were left out")
    }
    if gnuplot == nil {
      throw BenchFailure(
        "gnuplot is not in PATH: data and scripts are in \(output), figures are not; install the Debian package "
          + "\(Gnuplot.package)", exitCode: .unavailable)
    }
  }
}
