import Foundation
import Testing

@testable import Bench

struct FileSystemSummaryTests {
  /// Two repetitions of different speed, in each of which fuse-vext makes half as many files as ext4.
  private static let summary = FileSystemSummary(
    runID: "id", settings: FileSystemFixture.settings,
    measurements: [(1, 1000.0), (2, 4000.0)].flatMap { repetition, rate in
      [
        FileSystemFixture.creations(rate, .ext4, repetition: repetition),
        FileSystemFixture.creations(rate / 2, .fuseVext, repetition: repetition),
      ]
    }, notes: ["fuse2fs: left out"])

  @Test("ratios are those of the pairs of a repetition, whatever the repetitions differ in")
  func ratios() throws {
    let line = try #require(Self.summary.lines.first)
    #expect(Self.summary.lines.count == 1)
    #expect(line.columns.map(\.fileSystem) == [.fuseVext, .ext4])
    #expect(line.columns.map(\.median) == [1250, 2500])
    let ratio = try #require(line.ratios.first)
    #expect(line.ratios.count == 1)
    #expect(ratio.to == .ext4)
    #expect(ratio.pairs == 2)
    #expect(abs(ratio.ratio - 0.5) < 1e-9)
    #expect(abs(ratio.interval.lower - 0.5) < 1e-9)
    #expect(ratio.interval.confidence == 0.5)
    #expect(!Self.summary.isComplete)
  }

  @Test("the table has a column for each file system and each ratio, and a dash for what was not measured")
  func table() throws {
    let lines = try Self.summary.text(.table).split(separator: "\n")
    let heading = try #require(lines.first)
    for title in ["workload", "unit", "ext4", "fuse2fs", "fuse-vext/ext4", "fuse-vext/fuse2fs"] {
      #expect(heading.contains(title))
    }
    let row = try #require(lines.first { $0.hasPrefix("create") })
    #expect(row.contains("1,250 (500.0..2,000)"))
    #expect(row.contains("0.50 (0.50..0.50, 50 %)"))
    #expect(row.hasSuffix("-"))
    #expect(lines.last == "- fuse2fs: left out")
  }

  @Test("the JSON has all values in the order of the repetitions")
  func json() throws {
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(Self.summary.text(.json).utf8))
    #expect(value["run_id"] == .string("id"))
    #expect(value["complete"] == .bool(false))
    #expect(value["settings"]?["file_bytes"]?.count == 8 << 20)
    guard case .array(let workloads)? = value["workloads"],
      case .array(let columns)? = workloads.first?["file_systems"]
    else {
      Issue.record("no workloads")
      return
    }
    #expect(columns.first?["file_system"] == .string("fuse-vext"))
    #expect(columns.first?["values"] == .array([.integer(500), .integer(2000)]))
  }
}
