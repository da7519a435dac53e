import Foundation
import Testing

@testable import Bench

struct RecordColumnsTests {
  private static let project = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test(
    "the table of results/SCHEMA.md has a line for each column, in the order of the file, with its unit and meaning"
  )
  func schemaPage() throws {
    let page = try String(contentsOf: Self.project.appending(path: "results/SCHEMA.md"), encoding: .utf8)
    let section = try #require(page.split(separator: "## Columns\n").last)
    let lines = section.split(separator: "\n").prefix { !$0.hasPrefix("## ") }.filter { $0.hasPrefix("| `") }
    let expected = RecordColumns.all.map { column in
      "| `\(column.name)` | \(column.unit.isEmpty ? "" : column.unit + " ")| \(column.meaning) |"
    }
    #expect(lines.map(String.init) == expected)
    #expect(page.contains("The schema version is **\(RunRecord.currentSchemaVersion)**"))
  }

  @Test("names of columns, and those of earlier versions, are unique")
  func names() {
    let names = RecordColumns.all.map { $0.name } + RecordColumns.all.compactMap { $0.formerName }
    #expect(Set(names).count == names.count)
    #expect(RecordColumns.column(named: "pollers")?.name == "io_threads")
    #expect(RecordColumns.column(named: "nothing") == nil)
  }

  @Test("a column of an earlier version is refused by its current name")
  func formerNames() {
    #expect(
      RecordColumns.objection(toConfigurationColumn: "pollers") == "the column is now called io_threads")
    #expect(RecordColumns.objection(toConfigurationColumn: "io_threads") == nil)
    #expect(RecordColumns.objection(toConfigurationColumn: "iops")?.contains("io_threads") == true)
  }

  @Test("metrics are the columns that boots are compared by")
  func metrics() {
    #expect(
      Metric.allCases.map(\.rawValue) == [
        "iops", "latency_mean_us", "latency_p50_us", "latency_p90_us", "latency_p99_us", "latency_p99_9_us",
        "vmexits_per_io", "io_vmexits_per_io", "iops_per_cpu_s",
      ])
    #expect(
      Metric.judgedByDefault == [.iops, .latencyP50, .latencyP99, .ioVMExitsPerIO, .iopsPerCPUSecond])
    #expect(Metric.iops.direction == .moreIsBetter)
    #expect(Metric.latencyP99.direction == .lessIsBetter)
    #expect(Metric(rawValue: "errors") == nil)
  }

  /// Files of rows below results/.
  private static let recordedFiles: [String] = {
    let folder = project.appending(path: "results").path
    // An unreadable folder leaves no file, which the test below refuses.
    let files = (try? RowFileSearch.csvFiles(below: folder)) ?? []
    return files.filter { (try? RowFileSearch.holdsRows($0)) == true }
  }()

  @Test("every recorded file is read, compared with itself and shown as a report", arguments: recordedFiles)
  func recordedFile(path: String) throws {
    let boots = try BootSample.boots(of: RowFile(path: path), metrics: Metric.allCases)
    #expect(boots.allSatisfy { VMM(rawValue: $0.configuration.values["vmm"] ?? "") != nil })
    #expect(boots.allSatisfy { Int($0.configuration.values["io_threads"] ?? "") != nil })
    let host = try #require(boots.first).host
    let comparison = try Comparison(
      Comparison.Request(
        titleA: "a", titleB: "b", bootsA: boots, bootsB: boots, metrics: [.iops], isPaired: false,
        isForced: false,
        leavesOutDoubtful: false, calibrations: []))
    #expect(!comparison.metrics.isEmpty)
    let runs = try FigureRuns([path])
    let page = try RunReport(runs: runs, figures: FigureSet(runs), drawn: [:]).html()
    #expect(page.contains(HTMLText.escaped(host.cpu)))
  }

  @Test("there are recorded files of every version before this one but 4, which was never kept")
  func recordedVersions() throws {
    let versions = try Set(
      Self.recordedFiles.map { try RowFile(path: $0).rows[0].integer(\.schemaVersion) })
    #expect(versions.isSuperset(of: [1, 2, 3]))
  }
}
