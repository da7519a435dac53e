import Foundation

/// The scenarios of the page's runs, as the plans beside the rows have them.
enum ReportScenario {
  /// The part of the page about the plans beside `files`.
  static func html(files: [String]) throws -> String {
    var folders: [String] = []
    for file in files {
      let folder = file.parentFolderOrCurrent
      if !folders.contains(folder) { folders.append(folder) }
    }
    let plans = try folders.filter { FileManager.default.fileExists(atPath: "\($0)/plan.json") }
      .map(ExperimentFolder.plan(in:))
    guard !plans.isEmpty else {
      return "<p>No plan (plan.json) was found beside the rows: they are of single runs.</p>\n"
    }
    return plans.map(html).joined()
  }

  private static func html(_ plan: ExperimentPlan) -> String {
    var lines = ["# \(plan.repetitionCount) repetitions of each line, order by seed \(plan.seed)"]
    for side in plan.sides {
      if plan.sides.count > 1 { lines.append("# side \(side.name): \(side.title)") }
      lines += plan.cells.map { cell in
        PastedCommand.text(["bench", "run"] + side.arguments(beside: cell.arguments))
      }
    }
    let title = plan.name + (plan.description.isEmpty ? "" : ": \(plan.description)")
    return "<details><summary>\(HTMLText.escaped(title))</summary>\n<pre tabindex=\"0\">"
      + HTMLText.escaped(lines.joined(separator: "\n")) + "</pre></details>\n"
  }
}
