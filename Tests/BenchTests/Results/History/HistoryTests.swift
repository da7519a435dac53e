import Foundation
import Testing

@testable import Bench

struct HistoryTests {
  /// A file for each of `levels`, a day apart, each of five boots of a revision of its own.
  private func write(_ levels: [Double], to folder: borrowing TemporaryFolder) throws {
    for (day, level) in levels.enumerated() {
      let rows = BootRows.rows(iops: BootRows.rates(5, level: level, noise: 0.01, seed: UInt64(day))) { row in
        row.startedAt = String(format: "2026-01-%02dT00:00:00Z", day + 1)
        row.gitRevision = "revision\(day)"
        row.isDirty = false
      }
      let path = folder.file("day\(day)")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try BootRows.write(rows, to: "\(path)/rows.csv")
    }
  }

  @Test("a step is named with the revision that it came with")
  func step() throws {
    let folder = try TemporaryFolder()
    try write([Double](repeating: 1000, count: 8) + [Double](repeating: 800, count: 8), to: folder)
    let history = try History(folder: folder.path, metrics: [.iops])
    #expect(history.series.count == 1)
    #expect(history.series[0].points.count == 16)
    #expect(history.series[0].points.allSatisfy { $0.boots == 5 })
    let steps = history.series[0].steps
    #expect(steps.map(\.revision) == ["revision8"])
    #expect(steps.map(\.previousRevision) == ["revision7"])
    #expect(steps.map(\.isBetter) == [false])
    let text = try history.text(.table, showsPoints: true)
    #expect(text.contains("worse"))
    #expect(text.contains("day3/rows.csv"))
  }

  @Test("with a cache the time lines are the same, also after files changed, went and were damaged")
  func cache() throws {
    let folder = try TemporaryFolder()
    let store = try TemporaryFolder()
    try write([1000, 1100, 1200], to: folder)
    func both(_ comment: String) throws {
      let cached = try History(
        folder: folder.path, metrics: [.iops, .latencyP99], cache: HistoryCache(path: store.file("c.sqlite")))
      #expect(try cached == History(folder: folder.path, metrics: [.iops, .latencyP99]), "\(comment)")
    }
    try both("first")
    try both("again")
    try BootRows.write(BootRows.rows(iops: [5]) { $0.iodepth = 9 }, to: folder.file("day1/rows.csv"))
    try both("a file has more rows")
    try FileManager.default.removeItem(atPath: folder.file("day0"))
    try both("a file is gone")
    let header = try Data(contentsOf: URL(filePath: store.file("c.sqlite"))).prefix(100)
    try (header + Data(repeating: 0x41, count: 8092)).write(to: URL(filePath: store.file("c.sqlite")))
    try both("the cache is damaged")
    let path = folder.file("day2/rows.csv")
    let known = try HistoryCache(path: store.file("c.sqlite")).groups(ofFile: path)
    #expect(try known == HistoryGroup.groups(ofFile: path))
    #expect(known.map(\.bootCount) == [5])
  }

  @Test("series without a step are counted and not listed, unless all are asked for")
  func stories() throws {
    let folder = try TemporaryFolder()
    try write([Double](repeating: 1000, count: 8) + [Double](repeating: 800, count: 8), to: folder)
    let history = try History(folder: folder.path, metrics: [.iops, .vmexitsPerIO])
    let text = try history.text(.table, showsPoints: false)
    #expect(text.contains("iops") && !text.contains("vmexits_per_io"))
    #expect(text.contains("1 of 2 series have no step and are not listed (--all lists them)"))
    #expect(try history.text(.table, showsPoints: false, showsAll: true).contains("vmexits_per_io"))
  }

  @Test("another build of the same kernel version is the same host, another version is not")
  func kernelBuilds() throws {
    let folder = try TemporaryFolder()
    for (day, kernel) in ["6.1.0-25-amd64", "6.1.0-26-amd64", "6.12.0-1-amd64"].enumerated() {
      try BootRows.write(
        BootRows.rows(iops: [1]) {
          $0.hostKernel = kernel
          $0.runID = kernel
        }, to: folder.file("day\(day).csv"))
    }
    let history = try History(folder: folder.path, metrics: [.iops])
    #expect(history.series.map(\.host.kernel) == ["6.1.0", "6.12.0"])
    #expect(history.series.map(\.points.count) == [2, 1])
  }

  @Test("configurations and hosts have lines of their own")
  func separation() throws {
    let folder = try TemporaryFolder()
    try BootRows.write(
      BootRows.rows(iops: [1, 2]) + BootRows.rows(iops: [3]) { $0.iodepth = 9 }
        + BootRows.rows(iops: [4]) {
          $0.runID = "another"
          $0.hostKernel = "other"
        }, to: folder.file("rows.csv"))
    let history = try History(folder: folder.path, metrics: [.iops, .latencyP99])
    #expect(history.series.count == 6)
    #expect(
      try history.text(.markdown, showsPoints: false).contains("6 of 6 series have fewer than 6 points"))
  }

  @Test("rows of version 1 continue in those of the current one")
  func versions() throws {
    let folder = try TemporaryFolder()
    try BootRows.write(BootRows.rows(iops: [1]), to: folder.file("new.csv"))
    let fields = try RowFile(path: folder.file("new.csv")).table.fields(ofRow: 0)
    let names = RecordColumns.all.map { $0.name }
    let count = try #require(names.firstIndex(of: "seed")) + 1
    // Version 1 had no idle guests: rows of busy ones go on with it.
    #expect(try RowFile(path: folder.file("new.csv")).rows[0].text(\.busyGuests) == "1")
    let old = [names.prefix(count), ["1"] + fields[1..<count]].map {
      $0.map(CSVSchema.quoted).joined(separator: ",") + "\n"
    }
    try Data(old.joined().utf8).write(to: URL(filePath: folder.file("old.csv")))
    let history = try History(folder: folder.path, metrics: [.iops])
    #expect(history.series.map(\.points.count) == [2])
  }

  @Test("other CSV files are passed over and named; damaged rows and empty folders are refused")
  func files() throws {
    let folder = try TemporaryFolder()
    #expect(throws: BenchFailure.self) { try History(folder: folder.path, metrics: [.iops]) }
    #expect(throws: BenchFailure.self) { try History(folder: folder.file("none"), metrics: [.iops]) }
    try BootRows.write(BootRows.rows(iops: [1]), to: folder.file("rows.csv"))
    try Data("depth,iops\n1,2\n".utf8).write(to: URL(filePath: folder.file("figure.csv")))
    try FileManager.default.createDirectory(atPath: folder.file("boots"), withIntermediateDirectories: true)
    try Data("schema_version,\n".utf8).write(to: URL(filePath: folder.file("boots/x.csv")))
    let history = try History(folder: folder.path, metrics: [.iops])
    #expect(history.files == [folder.file("rows.csv")])
    #expect(history.skippedFiles == [folder.file("figure.csv")])
    try Data("schema_version,repetition\n1\n".utf8).write(to: URL(filePath: folder.file("bad.csv")))
    let failure = #expect(throws: BenchFailure.self) { try History(folder: folder.path, metrics: [.iops]) }
    #expect(failure?.description.contains("bad.csv:2: the row has 1 fields") == true)
  }

  @Test("the results of this project can be read")
  func ownResults() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let history = try History(folder: root.appending(path: "results").path, metrics: [.iops])
    #expect(!history.series.isEmpty)
    #expect(
      try JSONDecoder().decode(History.self, from: Data(history.text(.json, showsPoints: false).utf8))
        == history)
  }
}
