import ArgumentParser
import Hypervisor
import Testing

@testable import Bench

/// Exits by cause in rows, tables and figures.
struct ExitTableTests {
  /// Boots of a path with these exits by cause, of 1,000 requests each.
  private static func boots(_ mode: DataPathMode, _ causes: [[ExitCause: UInt64]]) -> [RunRecord] {
    causes.enumerated().map { index, counts in
      var measurement = RunFixture.measurement()
      measurement.exits.total = counts.values.reduce(0, +)
      measurement.causes = ExitCauseCounts(counts: counts, traced: nil)
      var cell = RunFixture.cell
      cell.mode = mode
      cell.repetition = index + 1
      return RunRecord(context: RunFixture.context, cell: cell, measurement: measurement)
    }
  }

  private static let virtio = boots(
    .virtioBlock,
    [
      [.notify: 990, .halt: 600, .eoi: 10, .other: 0], [.notify: 1000, .halt: 700, .eoi: 20, .other: 30],
      [.notify: 1000, .halt: 800, .eoi: 30, .other: 40],
    ])
  private static let vext = boots(.vext, [[.notify: 0, .halt: 1, .eoi: 0, .other: 0]])

  @Test("causes are columns, empty where they were not counted")
  func columns() {
    let row = Self.virtio[0]
    #expect(row.exitCounting == .trace)
    #expect(row.causeNotify == 990)
    #expect(row.text(\.causeNotify) == "990")
    #expect(row.causePause == nil)
    #expect(row.text(\.causePause) == "")
    #expect(RunFixture.record.exitCounting == .stats)
    #expect(RunFixture.record.causeOther == nil)
    #expect(
      ExitCause.allCases.map { RecordColumns.table[keyPath: $0.column].name }
        == ExitCause.allCases.map { "cause_\($0.rawValue)" })
  }

  @Test("a table has a line for each cause that there is, of the boot in the middle")
  func table() throws {
    let runs = try FigureFixture.runs(Self.virtio + Self.vext)
    let tables = ExitTable.all(of: runs.boots)
    #expect(tables.count == 1)
    #expect(
      tables[0].table.lines == [
        ["notify", "1.000", "0"], ["EOI", "0.0200", "0"], ["HLT", "0.7000", "0.0010"],
        ["other", "0.0300", "0"],
        ["all", "1.750 (1.600..1.870)", "0.0010"], ["boots", "3", "1"],
      ])
    #expect(tables[0].table.headings.map(\.title) == ["vmexits per I/O", "virtio-blk", "vext"])
    #expect(tables[0].title.contains("iodepth 4"))
  }

  @Test("a cause that a host does not tell is named, and boots without causes are left out")
  func notes() throws {
    var plain = RunFixture.record
    plain.mode = .virtioBlockPolled
    let runs = try FigureFixture.runs(Self.vext + [plain])
    let notes = ExitTable.notes(runs)
    #expect(
      notes.contains {
        $0.contains(
          "does not count these causes separately; they are part of 'other': interrupt window, timer")
      })
    #expect(notes.contains("1 boot(s) without causes were left out"))
    #expect(ExitTable.all(of: runs.boots)[0].table.headings.count == 2)
    #expect(try ExitTable.all(of: FigureFixture.runs([plain]).boots).isEmpty)
  }

  @Test("rows without causes are refused, and the message says how they come about")
  func refusal() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write([RunFixture.record], to: folder.path)
    let command = try ExitsCommand.parse([folder.path])
    let failure = #expect(throws: BenchFailure.self) { try command.run() }
    #expect(failure?.exitCode == .dataError)
    #expect(failure?.description.contains("--exits stats") == true)
  }

  @Test("the figure stacks causes where all of its boots have them, else KVM's counters")
  func figure() throws {
    let traced = try #require(FigureKind.vmexits.drawing(of: FigureFixture.runs(Self.virtio + Self.vext)))
    #expect(traced.blocks.dropLast().map(\.title) == ["notify", "EOI", "HLT", "other"])
    #expect(traced.caption.joined().contains("by cause"))
    var plain = RunFixture.record
    plain.mode = .virtioBlockPolled
    let mixed = try #require(FigureKind.vmexits.drawing(of: FigureFixture.runs(Self.virtio + [plain])))
    #expect(mixed.blocks.map(\.title).contains("irq (host's)"))
  }

  @Test("the page has the table where there are causes")
  func report() throws {
    func page(_ rows: [RunRecord]) throws -> String {
      let runs = try FigureFixture.runs(rows)
      return try RunReport(runs: runs, figures: FigureSet(runs), drawn: [:]).html()
    }
    #expect(try page(Self.virtio).contains("<h2>Exits by cause</h2>"))
    #expect(try !page([RunFixture.record]).contains("Exits by cause"))
  }

  @Test("the run's notes say why causes are missing, once")
  func footnote() throws {
    var measurement = RunFixture.measurement()
    measurement.causesAbsence = "tracefs is not mounted"
    let boot = try #require(BootSummary(cell: RunFixture.cell, measurements: [measurement, measurement]))
    let lines = Footnotes.lines(context: RunFixture.context, boots: [boot, boot], nativeRoundTrips: [])
    #expect(
      lines.filter { $0.contains("by cause") } == ["exits by cause were not counted: tracefs is not mounted"])
  }
}
