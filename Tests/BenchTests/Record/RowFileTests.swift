import Foundation
import Testing

@testable import Bench

struct RowFileTests {
  private static let line = CSVSchema.line(RunFixture.record)

  /// What reading `text` fails with, or nil.
  private func failure(_ text: String, versions: RowFile.Versions = .current) throws -> String? {
    let folder = try TemporaryFolder()
    let path = folder.file("rows.csv")
    try Data(text.utf8).write(to: URL(filePath: path))
    do {
      _ = try RowFile(path: path, versions: versions)
      return nil
    } catch let failure as BenchFailure {
      #expect(failure.exitCode == .dataError)
      #expect(failure.description.hasPrefix(path))
      return String(failure.description.dropFirst(path.count))
    }
  }

  @Test("what bench writes can be read, quotes and commas included")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let writer = try CSVWriter(path: folder.file("rows.csv"))
    try writer.write(RunFixture.record)
    try writer.write(RunFixture.record)
    let file = try RowFile(path: folder.file("rows.csv"))
    #expect(file.rows.map(\.line) == [2, 3])
    for column in RunRecord.CodingKeys.allCases {
      #expect(file.rows[0].text(column) == RunFixture.record.field(column))
    }
  }

  @Test("damaged files are refused with the line")
  func damaged() throws {
    let header = CSVSchema.header
    let line = Self.line
    let columnCount = RunRecord.CodingKeys.allCases.count
    let cases: [(String, String)] = [
      ("", ":1: the file is empty"),
      (header + "\n", ":1: the file has no row"),
      (header + "\n" + line, ":2: the line is cut off: it has no line end"),
      (header + "\n" + line + "\n" + line.prefix(80) + "\n", ":3: "),
      (header + "\n\n", ":2: the line is empty"),
      (
        header + "\n" + line + ",1\n",
        ":2: the row has \(columnCount + 1) fields, and the header \(columnCount)"
      ),
      (header + "\n\"" + line + "\n", ":2: "),
      (header + ",iops\n" + line + ",1\n", ":1: a column appears twice"),
      (
        header + "\n99" + line.dropFirst() + "\n",
        ":2: schema version 99; this bench compares version \(RunRecord.currentSchemaVersion) only"
      ),
      (header + "\nx" + line.dropFirst() + "\n", ":2: schema_version is no whole number: 'x'"),
      (
        header.replacingOccurrences(of: ",iops,", with: ",kiops,") + "\n" + line + "\n",
        ":1: column 29 is 'kiops' instead of 'iops': not schema version"
      ),
    ]
    for (text, expected) in cases {
      let failure = try failure(text) ?? "none"
      #expect(failure.hasPrefix(expected), "\(failure)")
    }
  }

  @Test("a file that is not there is no input")
  func missing() {
    let failure = #expect(throws: BenchFailure.self) { try RowFile(path: "/nonexistent/rows.csv") }
    #expect(failure?.exitCode == .noInput)
  }

  @Test("text that is not UTF-8, quotes within a field and text after a quote are refused")
  func badText() {
    let cases: [([UInt8], Int, String)] = [
      ([0x61, 0x0A, 0xFF, 0x0A], 2, "the text is not UTF-8"),
      (Array("a\"b\n".utf8), 1, "a quote stands within a field"),
      (Array("\"a\"b\n".utf8), 1, "a closing quote is followed by more text"),
      (Array("a\n\"b\nc".utf8), 2, "a quote is opened and never closed"),
    ]
    for (bytes, line, reason) in cases {
      let fault = #expect(throws: CSVText.Fault.self) { try CSVText.records(bytes) }
      #expect(fault == CSVText.Fault(line: line, reason: reason))
    }
  }

  @Test("line ends, quotes and commas within quotes belong to the field")
  func quotes() throws {
    let records = try CSVText.records(Array("a,\"b,\"\"c\"\"\nd\",\n,x\n".utf8))
    #expect(records.map(\.fields) == [["a", "b,\"c\"\nd", ""], ["", "x"]])
    #expect(records.map(\.line) == [1, 3])
  }

  @Test("no bytes whatever make the reader trap")
  func hostileBytes() {
    var generator = SplitMix64(seed: 21)
    let alphabet = Array("\",\n\r1a".utf8) + [0, 0xFF, 0xC3]
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
        alphabet[Int.random(in: alphabet.indices, using: &generator)]
      }
      _ = try? CSVText.records(bytes)
    }
  }

  @Test("numbers that are none, not finite or negative are refused with line and column")
  func numbers() throws {
    for text in ["", "x", "nan", "inf", "-1", "1e999"] {
      let row = Row(line: 7, fields: [text], places: ["iops": 0])
      let fault = #expect(throws: CSVText.Fault.self) { try row.number(.iops) }
      #expect(fault == CSVText.Fault(line: 7, reason: "iops is no number of 0 or more: '\(text)'"))
    }
  }
}
