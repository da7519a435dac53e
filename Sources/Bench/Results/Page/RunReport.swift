import Foundation

/// One page that tells all about some runs, and needs nothing but itself.
struct RunReport {
  let runs: FigureRuns
  let figures: FigureSet
  /// The SVG file of each figure that was drawn.
  let drawn: [FigureKind: String]
  /// The folder that the names of files are relative to; nil: as they were given.
  var root: String?
  /// What follows the run while it goes on; nil for a page that stands by itself.
  var live: LiveSection?
  /// Why a figure was not drawn.
  var undrawnReason = "Not drawn: gnuplot was not installed."

  /// Nothing may be loaded, from anywhere: styles, figures and the script are in the page, and no other script runs.
  static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src \(PageScript.policySource)"

  /// The page.
  func html() throws -> String {
    let sections =
      [
        Section(name: "paths", title: "Paths compared", content: paths),
        Section(name: "figures", title: "Figures", content: figureElements()),
        Section(
          name: "results", title: "Results",
          content: ResultTable.table(runs.boots).html(
            caption:
              "Median (smallest..largest) over boots; one boot is one sample. results/SCHEMA.md defines each column."
          )),
      ] + exits + [
        Section(name: "notes", title: "Notes", content: HTMLText.list(notes)),
        Section(name: "doctor", title: "Verdict on the host", content: HostVerdict(runs.documents).html),
        Section(
          name: "host", title: "Host",
          content: try HostTable.table(runs.documents, identity: runs.host).html(
            caption: "The host as the records describe it")),
        Section(name: "scenario", title: "Scenario", content: try ReportScenario.html(files: runs.files)),
        Section(name: "commands", title: "Command lines", content: commandLines()),
        Section(name: "files", title: "Files of rows", content: HTMLText.list(runs.files.map(name(of:)))),
      ]
    return Self.page(
      live == nil ? nil : LiveSection.policy,
      body: """
        <p>\(HTMLText.escaped(summary))</p>
        <p class="notice">Reconstruction: the scenarios are ours, made after the abstract of "A Paravirtualized File System for
        Accelerating File I/O" (paper-notes.md). No figure here is one of the paper's, and none repeats an experiment of it.</p>
        \(live?.html ?? "")\(distrust)\(contents(sections))\(sections.map(\.html).joined())<script>\(PageScript.text)</script>
        \(live == nil ? "" : "<script>\(LiveSection.script)</script>")
        """)
  }

  /// A page with `body` below its heading.
  ///
  /// - Parameter addedPolicy: What the content policy allows besides ``policy``, whose last part is the scripts.
  static func page(_ addedPolicy: String?, body: String) -> String {
    let policy = ([Self.policy] + [addedPolicy].compactMap(\.self)).joined(separator: " ")
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(HTMLText.escaped(policy))">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>vext: benchmark report</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      <h1>vext: benchmark report</h1>
      \(body)
      </body>
      </html>

      """
  }

  private var summary: String {
    let times = runs.boots.map(\.sample.startedAt).sorted()
    let revisions = Set(runs.boots.map(\.sample.revision)).sorted().map { $0.isEmpty ? "unknown" : $0 }
    return
      "What \(runs.boots.count) boots of virtual machines cost and brought, over \(pathNames) on one host: \(runs.host.summary). "
      + "Runs from \(times.first ?? "") to \(times.last ?? ""), bench of revision \(revisions.joined(separator: ", "))."
  }

  /// What spoils boots of the page, marked; empty if nothing does.
  private var distrust: String {
    guard let sentence = TrustIssue.sentence(runs.boots.map(\.sample.doubts)) else { return "" }
    return "<p class=\"distrust\">\(HTMLText.escaped(sentence)).</p>\n"
  }

  private var pathNames: String {
    Set(runs.boots.map(\.series)).sorted(by: FigureSeries.precedes).map(\.name).joined(separator: ", ")
  }

  /// A part of the page.
  private struct Section {
    let name: String
    let title: String
    let content: String

    var html: String {
      "<section id=\"\(name)\">\n\(HTMLText.element("h2", title))\n\(content)</section>\n"
    }
  }

  /// vmexits by cause; no part where no boot has causes.
  private var exits: [Section] {
    let tables = ExitTable.all(of: runs.boots)
    guard !tables.isEmpty else { return [] }
    let content = tables.map { $0.table.html(caption: "vmexits per request by cause: \($0.title)") }.joined()
    return [
      Section(name: "exits", title: "Exits by cause", content: content + HTMLText.list(ExitTable.notes(runs)))
    ]
  }

  private func contents(_ sections: [Section]) -> String {
    let items = sections.map { "<li><a href=\"#\($0.name)\">\(HTMLText.escaped($0.title))</a></li>\n" }
    return "<nav aria-label=\"Contents\"><ul>\n\(items.joined())</ul></nav>\n"
  }

  /// Paths beside each other: what chooses among them, small figures of ratios, and the table.
  private var paths: String {
    let comparisons = PathComparison.all(of: runs.boots)
    let compared = comparisons.filter { $0.lines.count > 1 }
    let tails = compared.map { TailFigure($0) }
    var choices = PathComparison.Measure.allCases.map {
      "<option value=\"\($0.rawValue)\">\(HTMLText.escaped($0.title))</option>"
    }
    if tails.contains(where: { $0 != nil }) {
      choices.append("<option value=\"\(TailFigure.name)\">\(HTMLText.escaped(TailFigure.title))</option>")
    }
    let controls = """
      <form id="controls" hidden>
      <label>Show <input id="filter" type="search" placeholder="randread vext"></label>
      <label>Figures show <select id="measure">\(choices.joined())</select></label>
      <output id="shown" for="filter"></output>
      </form>

      """
    return controls + dots(compared, tails) + PathTable.html(comparisons)
  }

  /// The figures of `compared`, which have two paths or more, and their tails where there are any.
  private func dots(_ compared: [PathComparison], _ tails: [TailFigure?]) -> String {
    guard !compared.isEmpty else { return "<p>No workload has two paths.</p>\n" }
    let figures = PathComparison.Measure.allCases.map { DotFigure($0, of: compared) }
    let elements = zip(compared, tails).map { comparison, tail in
      var pictures = figures.map { figure in
        "<div data-measure=\"\(figure.measure.rawValue)\"\(figure.measure == .iops ? "" : " hidden")>"
          + figure.svg(comparison) + "</div>\n"
      }
      if let tail {
        pictures.append("<div data-measure=\"\(TailFigure.name)\" hidden>\(tail.svg)</div>\n")
      }
      return "<figure data-text=\"\(PathTable.searchText(comparison))\">\n\(pictures.joined())"
        + "\(HTMLText.element("figcaption", comparison.title))</figure>\n"
    }
    let hasTail = tails.contains { $0 != nil }
    let hint = hasTail ? "The latency tail has the times themselves. " : ""
    return
      "<p>Ratio to the first path of each workload, on a logarithmic axis: the estimate over boots and its interval. \(hint)"
      + "Point at a dot or a line for its values.</p>\n<div class=\"multiples\">\n\(elements.joined())</div>\n"
  }

  private func figureElements() -> String {
    guard live == nil || !drawn.isEmpty else { return HTMLText.element("p", undrawnReason) + "\n" }
    return figures.drawings.map { drawing in
      // A drawing has its caption in itself.
      let picture =
        drawn[drawing.kind].flatMap { InlineSVG.element(of: $0, prefix: drawing.name, title: drawing.title) }
        ?? HTMLText.element(
          "p", "\(undrawnReason) " + drawing.caption.joined(separator: " "))
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
      "\(PastedCommand.text(document.commandLine))\n"
    }
    return
      "<details\(lines.count <= 12 ? " open" : "")><summary>\(lines.count) run(s), by their begin; to be run in a checkout"
      + "</summary>\n<pre tabindex=\"0\">" + HTMLText.escaped(lines.joined()) + "</pre></details>\n"
  }

  /// The name of a file of rows, below ``root`` where it lies there.
  private func name(of file: String) -> String {
    guard let root, file.hasPrefix("\(root)/") else { return file }
    return String(file.dropFirst(root.count + 1))
  }
}
