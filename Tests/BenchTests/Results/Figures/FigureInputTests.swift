import Foundation
import Testing

@testable import Bench

/// What is taken from files, and what is refused.
struct FigureInputTests {
  private func failure(_ folder: borrowing TemporaryFolder, choice: FigureRuns.Choice = .init()) -> String {
    let path = folder.path
    let failure = #expect(throws: BenchFailure.self) { try FigureRuns([path], choice: choice) }
    #expect(failure?.exitCode == .dataError)
    return failure?.description.replacing("\(path)/", with: "") ?? ""
  }

  private func write(_ lines: [String], to folder: borrowing TemporaryFolder) throws {
    try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: folder.file("rows.csv")))
  }

  @Test("rows of a newer version, truncated rows and other units are refused with file and line")
  func damaged() throws {
    let line = CSVSchema.line(RunFixture.record)
    let header = CSVSchema.header
    let newer = String(RunRecord.currentSchemaVersion + 1)
    let cases: [([String], String)] = [
      ([header, line, newer + line.dropFirst()], "rows.csv:3: schema version \(newer)"),
      (
        [header, line, String(line.prefix(upTo: line.lastIndex(of: ",") ?? line.endIndex))],
        "rows.csv:3: the row has"
      ),
      (
        [header.replacing("latency_p50_us", with: "latency_p50_ms"), line],
        "rows.csv:1: the file has no column latency_p50_us"
      ),
      (
        [header, line.replacing(",vext,", with: ",carrier-pigeon,")],
        "rows.csv:2: 'carrier-pigeon' is not a mode"
      ),
      ([header, line.replacing(",svm,true,", with: ",svm,true,x")], "rows.csv:2: "),
      ([header, line, line], "rows.csv:2: a boot of 1 guest(s)"),
    ]
    for (lines, expected) in cases {
      let folder = try TemporaryFolder()
      try write(lines, to: folder)
      let message = failure(folder)
      #expect(message.hasPrefix(expected), "\(message)")
    }
  }

  @Test("guests and busy guests that contradict each other are refused")
  func contradiction() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.boot(.vext, iops: 1, guests: 1, busy: 2), to: folder.path)
    #expect(failure(folder).contains("rows.csv:2: iodepth, workers, guests, busy_guests"))
  }

  @Test("rows of several hosts are refused, until one is chosen")
  func hosts() throws {
    let folder = try TemporaryFolder()
    let rows =
      FigureFixture.boots(.vext, iops: [1])
      + FigureFixture.boots(.vext, iops: [2, 3]) {
        $0.runID = "another"
        $0.hostKernel = "6.99"
      }
    try FigureFixture.write(rows, to: folder.path, histogram: nil)
    #expect(failure(folder).hasPrefix("rows.csv:3: the hosts differ: host_kernel: '6.99' and '6.1.0'"))
    #expect(failure(folder).contains("--host"))
    #expect(try FigureRuns([folder.path], choice: .init(host: "Linux 6.99")).boots.count == 2)
    // Both have the same CPU.
    #expect(failure(folder, choice: .init(host: "Imaginary")).contains("the hosts differ"))
    #expect(
      failure(folder, choice: .init(host: "Cray")).contains("no boot has what --host and --where ask for"))
  }

  @Test("rows can be chosen by the values of columns")
  func conditions() throws {
    let folder = try TemporaryFolder()
    let rows =
      FigureFixture.boots(.vext, iops: [1]) + FigureFixture.boots(.vext, iops: [2, 3]) { $0.iodepth = 9 }
    try FigureFixture.write(rows, to: folder.path)
    #expect(try FigureRuns([folder.path], choice: .init(values: ["iodepth": "9"])).boots.count == 2)
    #expect(
      failure(folder, choice: .init(values: ["iodepth": "9", "mode": "virtio-blk"])).contains("no boot"))
  }

  @Test("boots with failed requests are left out and counted")
  func unsound() throws {
    let rows =
      FigureFixture.boots(.vext, iops: [1]) + FigureFixture.boots(.virtioBlock, iops: [2]) { $0.errors = 1 }
    let runs = try FigureFixture.runs(rows)
    #expect(runs.boots.count == 1)
    #expect(runs.unsoundCount == 1)
    #expect(throws: BenchFailure.self) { try FigureFixture.runs(rows.suffix(1)) }
  }

  @Test("a folder of a matrix is read with its boots' records, whose repetitions start at one again")
  func matrixFolder() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.file("run/boots"), withIntermediateDirectories: true)
    var rows: [RunRecord] = []
    for (index, row) in FigureFixture.boots(.vext, iops: [1, 2]).enumerated() {
      var own = row
      own.runID = "run \(index)"
      rows.append(own)
      own.repetition = 1
      let document = { (row: RunRecord) in
        var document = FigureFixture.document([row])
        document.runID = row.runID
        return document
      }
      try document(own).write(to: folder.file("run/boots/0000\(index + 1).json"))
    }
    try BootRows.write(rows, to: folder.file("run/rows.csv"))
    let runs = try FigureRuns([folder.path])
    #expect(runs.files == [folder.file("run/rows.csv")])
    #expect(runs.documents.count == 2)
    #expect(runs.boots.allSatisfy { $0.latencies != nil })
    // A file that is named is taken like that, too.
    #expect(try FigureRuns([folder.file("run/rows.csv"), folder.path]).boots.count == 2)
  }

  @Test("a boot of which one guest's histogram is missing has none")
  func missingHistogram() throws {
    let folder = try TemporaryFolder()
    let rows = FigureFixture.boot(.vext, iops: 4, guests: 2)
    try BootRows.write(rows, to: folder.file("rows.csv"))
    try FigureFixture.document([rows[0]]).write(to: folder.file("rows.json"))
    #expect(try FigureRuns([folder.path]).boots[0].latencies == nil)
  }

  @Test(
    "a damaged record and one of another version are refused, with the file's name; one of other runs is skipped"
  )
  func records() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.boots(.vext, iops: [1]), to: folder.path)
    let text = try folder.text(of: "rows.json")
    let cases = [
      ("{", "rows.json is not the record of a run"),
      (
        text.replacing("\"histogram\"", with: "\"x\"").replacing("\"upper_ns\"", with: "\"x\""),
        "rows.json is not the record of a run"
      ),
      (
        text.replacing("\"schema_version\":\(RunRecord.currentSchemaVersion)", with: "\"schema_version\":1"),
        "rows.json: schema version 1"
      ),
    ]
    for (damaged, expected) in cases {
      try Data(damaged.utf8).write(to: URL(filePath: folder.file("rows.json")))
      #expect(failure(folder).hasPrefix(expected))
    }
    var other = FigureFixture.document([])
    other.runID = "someone else's"
    try other.write(to: folder.file("rows.json"))
    #expect(try FigureRuns([folder.path]).documents.isEmpty)
  }

  @Test("a recorded run of bench matrix gives the figures that it has the data of")
  func recordedRun() throws {
    let folder = try #require(Bundle.module.url(forResource: "RecordedRun", withExtension: nil)).path
    let runs = try FigureRuns([folder])
    let figures = try FigureSet(runs)
    #expect(figures.missing == [.guests])
    #expect(runs.boots.count == 8)
    #expect(runs.documents.count == 8)
    #expect(runs.boots.allSatisfy { $0.latencies != nil })
    for drawing in figures.drawings { #expect(drawing.legend.count >= 2) }
  }
}
