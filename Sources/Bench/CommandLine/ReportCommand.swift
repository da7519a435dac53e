import ArgumentParser
import Foundation

/// `bench report`: one page of tables, figures, host and command lines.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Makes one HTML page of runs: figures, tables, host, command lines.",
    discussion: """
      The page holds all that it shows and opens without a network. Exit code 69: gnuplot is not installed; the page is there, \
      without its figures.
      """)

  @OptionGroup var input: FigureInputOptions

  @Option(help: ArgumentHelp("The page.", valueName: "file.html"))
  var output: String

  func validate() throws {
    if output.isEmpty || output.hasSuffix("/") { throw ValidationError("--output must name a file") }
  }

  func run() throws {
    // The page takes the place of what has its name: a device or a pipe must not go.
    let type = try? FileManager.default.attributesOfItem(atPath: output)[.type] as? FileAttributeType
    if let type, type != .typeRegular, type != .typeSymbolicLink {
      throw BenchFailure(
        "the output \(output) is not a regular file; name another with --output", exitCode: .cannotCreate)
    }
    let runs = try input.runs()
    try FileIdentity.refuse("--output", output, among: runs.inputs)
    let figures = try FigureSet(runs)
    let gnuplot = Gnuplot()
    let drawn = try gnuplot.map { try Self.draw(figures, with: $0) } ?? [:]
    let page = try RunReport(runs: runs, figures: figures, drawn: drawn).html()
    do {
      try Data(page.utf8).write(to: URL(filePath: output), options: .atomic)
    } catch {
      throw BenchFailure("cannot write \(output): \(error.plainWords)", exitCode: .cannotCreate)
    }
    try StandardOutput.writeLine("\(output): \(runs.boots.count) boots, \(drawn.count) figures")
    for kind in figures.missing {
      try StandardOutput.writeLine("\(kind.rawValue): left out, it needs \(kind.need)")
    }
    if gnuplot == nil {
      throw BenchFailure(
        "gnuplot is not in PATH: \(output) lacks its figures; install the Debian package \(Gnuplot.package)",
        exitCode: .unavailable)
    }
  }

  /// The page of `runs`, with figures if gnuplot is installed, and names of files relative to `root`.
  static func page(of runs: FigureRuns, root: String) throws -> String {
    try page(of: runs, root: root, live: nil)
  }

  /// The same page, with a part that follows the run.
  static func page(of runs: FigureRuns, root: String, live: LiveSection?) throws -> String {
    let figures = try FigureSet(runs)
    let drawn = try Gnuplot().map { try draw(figures, with: $0) } ?? [:]
    return try RunReport(runs: runs, figures: figures, drawn: drawn, root: root, live: live).html()
  }

  /// The SVG files of all figures, drawn in a folder that goes again.
  private static func draw(_ figures: FigureSet, with gnuplot: Gnuplot) throws -> [FigureKind: String] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-report-\(UUID().uuidString)")
      .path
    // A left-over folder in the temporary folder does no harm.
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try figures.write(to: folder)
    try figures.draw(in: folder, with: gnuplot)
    return try Dictionary(
      uniqueKeysWithValues: figures.drawings.map {
        ($0.kind, try String(contentsOfFile: "\(folder)/\($0.name).svg", encoding: .utf8))
      })
  }
}
