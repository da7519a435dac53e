import Hypervisor

/// vmexits per request of the data paths of one configuration, by cause.
struct ExitTable: Sendable {
  /// The configuration.
  let title: String
  /// A line for each cause that some path has, and one for all of them; a column for each path.
  let table: ReportTable

  /// The tables of `boots`, a configuration each, the one that shows most first; boots without causes are left out.
  static func all(of boots: [FigureBoot]) -> [ExitTable] {
    let traced = boots.filter { $0.causes != nil }
    return FigureGroup.groups(of: traced, varying: FigureKind.vmexits.varyingColumns) { _ in "" }
      .map(ExitTable.init)
  }

  private init(_ group: FigureGroup) {
    title = FigureCaption.common(to: group)
    let causes = ExitCause.allCases.filter { cause in
      group.boots.contains { $0.causes?[cause] ?? 0 > 0 }
    }
    let stacks = group.series.map { series in
      let boots = group.boots(of: series)
      return (
        boots: boots,
        stack: Stack(
          of: boots, parts: causes.map { cause in { (boot: FigureBoot) in boot.causes?[cause] ?? 0 } })
      )
    }
    var table = ReportTable(
      headings: [ReportTable.Heading(title: "vmexits per I/O")]
        + group.series.map { ReportTable.Heading(title: $0.name, isNumber: true) })
    for (place, cause) in causes.enumerated() {
      table.lines.append(
        [cause.title]
          + stacks.map { boots, stack in
            boots.allSatisfy { $0.causes?[cause] != nil } ? Self.text(stack.parts[place]) : "-"
          })
    }
    table.lines.append(["all"] + stacks.map { Self.text($0.stack) })
    table.lines.append(["boots"] + stacks.map { String($0.boots.count) })
    self.table = table
  }

  private static func text(_ value: Double) -> String { value == 0 ? "0" : NumberText.text(value) }

  private static func text(_ stack: Stack) -> String {
    guard stack.bootCount > 1 else { return text(stack.total) }
    return "\(text(stack.total)) (\(text(stack.minimum))..\(text(stack.maximum)))"
  }

  /// What a reader must know, one sentence each.
  static func notes(_ runs: FigureRuns) -> [String] {
    var notes = ["host: \(runs.host.summary)"]
    let uncounted = ExitCause.allCases.filter { cause in
      runs.boots.contains { $0.causes != nil && $0.causes?[cause] == nil }
    }
    if !uncounted.isEmpty {
      let names = uncounted.map(\.title).joined(separator: ", ")
      notes.append(
        "KVM back end \(runs.host.kvmBackend) does not count these causes separately; they are part of 'other': \(names)"
      )
    }
    let count = runs.boots.count { $0.causes == nil }
    if count > 0 { notes.append("\(count) boot(s) without causes were left out") }
    if runs.unsoundCount > 0 {
      notes.append("\(runs.unsoundCount) boot(s) with failed requests or wrong data were left out")
    }
    return notes
  }
}
