import Foundation

/// One page that tells all about some runs, and needs nothing but itself.
struct RunReport {
  let runs: FigureRuns
  let figures: FigureSet
  /// The SVG file of each figure that was drawn.
  let drawn: [FigureKind: String]
  /// The folder that the names of files are relative to; nil: as they were given.
  var root: String?

  /// Nothing may be loaded, from anywhere: styles and figures are in the page.
  private static let policy = "default-src 'none'; style-src 'unsafe-inline'"

  /// The page.
  func html() throws -> String {
    let sections = [
      section("figures", "Figures", figureElements()),
      section(
        "results", "Results",
        "<p>Median (smallest..largest) over boots; one boot is one sample. results/SCHEMA.md defines each column.</p>\n"
          + ResultTable.table(runs.boots).html()),
      section("notes", "Notes", HTMLText.list(notes)),
      section("host", "Host", try HostTable.table(runs.documents, identity: runs.host).html()),
      section("commands", "Command lines", commandLines()),
      section("files", "Files of rows", HTMLText.list(runs.files.map(name(of:)))),
    ]
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(HTMLText.escaped(Self.policy))">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>vext: benchmark report</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      <h1>vext: benchmark report</h1>
      <p>\(HTMLText.escaped(summary))</p>
      <p class="notice">Reconstruction: the scenarios are ours, made after the abstract of "A Paravirtualized File System for
      Accelerating File I/O" (paper-notes.md). No figure here is one of the paper's, and none repeats an experiment of it.</p>
      \(distrust)\(sections.joined())</body>
      </html>

      """
  }

  private var summary: String {
    let times = runs.boots.map(\.sample.startedAt).sorted()
    let revisions = Set(runs.boots.map(\.sample.revision)).sorted().map { $0.isEmpty ? "unknown" : $0 }
    return
      "What \(runs.boots.count) boots of virtual machines cost and brought, over \(paths) on one host: \(runs.host.summary). "
      + "Runs from \(times.first ?? "") to \(times.last ?? ""), bench of revision \(revisions.joined(separator: ", "))."
  }

  /// What spoils boots of the page, marked; empty if nothing does.
  private var distrust: String {
    guard let sentence = TrustIssue.sentence(runs.boots.map(\.sample.doubts)) else { return "" }
    return "<p class=\"distrust\">\(HTMLText.escaped(sentence)).</p>\n"
  }

  private var paths: String {
    Set(runs.boots.map(\.series)).sorted(by: FigureSeries.precedes).map(\.name).joined(separator: ", ")
  }

  private func section(_ name: String, _ title: String, _ content: String) -> String {
    "<section id=\"\(name)\">\n\(HTMLText.element("h2", title))\n\(content)</section>\n"
  }

  private func figureElements() -> String {
    figures.drawings.map { drawing in
      // A drawing has its caption in itself.
      let picture =
        drawn[drawing.kind].flatMap { InlineSVG.element(of: $0, prefix: drawing.name) }
        ?? HTMLText.element(
          "p", "Not drawn: gnuplot was not installed. " + drawing.caption.joined(separator: " "))
      return "<figure id=\"figure-\(drawing.name)\">\n\(picture)\n<figcaption>"
        + HTMLText.escaped(drawing.title) + "</figcaption>\n</figure>\n"
    }.joined()
  }

  /// What a reader must know.
  private var notes: [String] {
    var lines = figures.missing.map { "Figure left out: \($0.title). It needs \($0.need)." }
    lines += figures.drawings.filter { $0.otherGroupCount > 0 }.map {
      "\($0.kind.title): \($0.otherGroupCount) other configuration(s) of the rows are not in the figure, but in the table."
    }
    if runs.unsoundCount > 0 {
      lines.append("\(runs.unsoundCount) boot(s) with failed requests or wrong data were left out.")
    }
    if runs.boots.contains(where: { !$0.sample.isTimingValid }) {
      lines.append("TIMES MEAN NOTHING ON THIS HOST (timing_valid=false); counts do.")
    }
    if runs.documents.isEmpty { lines.append("No record (JSON) was found beside the rows.") }
    let cutOff = runs.documents.count { !$0.isComplete }
    if cutOff > 0 { lines.append("\(cutOff) run(s) ended before all of their boots.") }
    if runs.boots.contains(where: { $0.sample.revision.hasSuffix("-dirty") }) {
      lines.append("bench was built of a checkout with changes that are in no revision.")
    }
    var seen = Set(lines)
    for note in runs.documents.flatMap({ [$0.configuration.guestReason] + $0.plannedPlacement.notes })
    where !note.isEmpty && seen.insert(note).inserted {
      lines.append(note)
    }
    return lines
  }

  private func commandLines() -> String {
    guard !runs.documents.isEmpty else { return "<p>The records that hold them were not found.</p>\n" }
    let lines = runs.documents.map { document in
      "\(document.startedAt)  \(document.commandLine.map(Self.shellWord).joined(separator: " "))\n"
    }
    return "<details\(lines.count <= 12 ? " open" : "")><summary>\(lines.count) run(s)</summary>\n<pre>"
      + HTMLText.escaped(lines.joined()) + "</pre></details>\n"
  }

  /// The name of a file of rows, below ``root`` where it lies there.
  private func name(of file: String) -> String {
    guard let root, file.hasPrefix("\(root)/") else { return file }
    return String(file.dropFirst(root.count + 1))
  }

  /// `word` as a shell takes it.
  private static func shellWord(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0)) }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
