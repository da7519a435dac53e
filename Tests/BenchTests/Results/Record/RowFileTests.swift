import Foundation
import HostSystem
import Testing

@testable import Bench

struct RowFileTests {
  /// The records of `bytes` with their texts.
  private static func records(_ bytes: [UInt8]) throws(CSVText.Fault) -> [(line: Int, fields: [String])] {
    var records: [(line: Int, fields: [String])] = []
    try CSVText.forEachRecord(in: bytes) { record throws(CSVText.Fault) in
      var fields: [String] = []
      for field in record.fields { fields.append(try CSVText.text(bytes, field, line: record.line)) }
      records.append((record.line, fields))
    }
    return records
  }

  private static let line = CSVSchema.line(RunFixture.record)

  /// What reading `text` fails with, or nil.
  private func failure(_ text: String) throws -> String? {
    let folder = try TemporaryFolder()
    let path = folder.file("rows.csv")
    try Data(text.utf8).write(to: URL(filePath: path))
    do {
      _ = try RowFile(path: path)
      return nil
    } catch let failure as BenchFailure {
      #expect(failure.exitCode == .dataError)
      #expect(failure.description.hasPrefix(path))
      return String(failure.description.dropFirst(path.count))
    }
  }

  @Test func `a folder in place of a file is named in plain words`() throws {
    let folder = try TemporaryFolder()
    let failure = #expect(throws: BenchFailure.self) { _ = try RowFile(path: folder.path) }
    #expect(failure?.description == "cannot read \(folder.path): Is a directory")
  }

  @Test("what bench writes can be read, quotes and commas included")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let writer = try CSVWriter(path: folder.file("rows.csv"))
    try writer.write(RunFixture.record)
    try writer.write(RunFixture.record)
    let file = try RowFile(path: folder.file("rows.csv"))
    #expect(file.rows.map(\.line) == [2, 3])
    for column in RecordColumns.all {
      #expect(file.rows[0].text(of: column) == RunFixture.record.text(of: column))
    }
  }

  @Test("damaged files are refused with the line")
  func damaged() throws {
    let header = CSVSchema.header
    let line = Self.line
    let columnCount = RecordColumns.all.count
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
        ":2: schema version 99; this bench knows versions 1 to \(RunRecord.currentSchemaVersion)"
      ),
      (header + "\nx" + line.dropFirst() + "\n", ":2: schema_version is not a whole number: 'x'"),
    ]
    for (text, expected) in cases {
      let failure = try failure(text) ?? "none"
      #expect(failure.hasPrefix(expected), "\(failure)")
    }
  }

  /// The row of the fixture with another field.
  private static func line(_ column: String, _ field: String) -> String {
    RecordColumns.all.map { $0.name == column ? field : CSVSchema.quoted(RunFixture.record.text(of: $0)) }
      .joined(separator: ",")
  }

  @Test(
    "a field of another kind than its column is refused with file and line, whether or not a command reads it",
    arguments: [
      ("iops", "0x10", "not a number"), ("iops", "inf", "not a number"), ("iops", "nan", "not a number"),
      ("iops", "1e400", "not a number"), ("iops", "+1", "not a number"), ("iops", " 1", "not a number"),
      ("io_vmexits_per_io_beyond_idle", "0x1p3", "not a number"), ("latency_max_us", "1 000", "not a number"),
      ("iodepth", "0x10", "not a whole number"), ("iodepth", "4.5", "not a whole number"),
      ("repetition", "+1", "not a whole number"), ("guests", "99999999999999999999", "not a whole number"),
      ("block_bytes", "0x1000", "not a whole number of 0 or more"),
      ("ios", "-1", "not a whole number of 0 or more"),
      ("seed", "18446744073709551616", "not a whole number of 0 or more"),
      ("direct", "yes", "neither true nor false"), ("dirty", "1", "neither true nor false"),
      ("timing_valid", "true ", "neither true nor false"),
    ])
  func kinds(column: String, field: String, reason: String) throws {
    let sound = CSVSchema.header + "\n" + Self.line + "\n"
    #expect(try failure(sound) == nil)
    #expect(try failure(sound + Self.line(column, field) + "\n") == ":3: \(column) is \(reason): '\(field)'")
    // Quotes change nothing.
    #expect(
      try failure(sound + Self.line(column, "\"\(field)\"") + "\n")
        == ":3: \(column) is \(reason): '\(field)'")
  }

  @Test("a long field is cut off in the message")
  func longField() throws {
    let field = String(repeating: "9", count: 5000)
    let failure = try #require(try failure(CSVSchema.header + "\n" + Self.line("guests", field) + "\n"))
    #expect(failure.hasPrefix(":2: guests is not a whole number: '999") && failure.hasSuffix("999...'"))
    #expect(failure.count < 120)
  }

  @Test(
    "fields that are empty, quoted or as a spreadsheet writes them are values of their column's kind",
    arguments: [
      ("iops", "1.5E+05"), ("iops", "\"2000\""), ("iops", ""), ("direct", "TRUE"), ("direct", "\"false\""),
      ("seed", "18446744073709551615"), ("io_vmexits_per_io_beyond_idle", "-0.25"), ("numa_node", "0"),
      ("latency_max_us", "123456789012345678901234567890.5"),
    ])
  func kindsOfSpreadsheets(column: String, field: String) throws {
    #expect(try failure(CSVSchema.header + "\n" + Self.line(column, field) + "\n") == nil)
  }

  @Test(
    "control characters are refused with the line, also within quotes",
    arguments: [0, 0x01, 0x1B, 0x1F] as [UInt8])
  func controlCharacters(byte: UInt8) throws {
    let character = String(UnicodeScalar(byte))
    let reason = String(
      format: "the text holds the control character 0x%02X, which no file of rows does", byte)
    for field in [character, "vext\(character)", "\"a\nb\(character)\""] {
      let text = CSVSchema.header + "\n" + Self.line + "\n" + Self.line("host_cpu", field) + "\n"
      #expect(try failure(text) == ":\(field.contains("\n") ? 4 : 3): \(reason)")
    }
    #expect(try failure("a\(character)," + CSVSchema.header + "\n0,\(Self.line)\n") == ":1: \(reason)")
    #expect(try failure(CSVSchema.header + "\n" + Self.line("host_cpu", "a\tb") + "\n") == nil)
  }

  @Test("what a guest says with control characters is written without them, and no record may hold one")
  func foreignText() throws {
    var context = RunFixture.context
    context.host.cpuModel = "X\u{1B}[2J\u{0}9000"
    let record = RunRecord(context: context, cell: RunFixture.cell, measurement: RunFixture.measurement())
    #expect(record.hostCPU == "X?[2J?9000")
    let data = try JSONEncoder().encode(record)
    #expect(try JSONDecoder().decode(RunRecord.self, from: data) == record)
    let hostile = String(decoding: data, as: UTF8.self).replacing("X?[2J", with: "X\\u001B[2J")
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(RunRecord.self, from: Data(hostile.utf8)) }
  }

  @Test("a missing file is an input error")
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
      let fault = #expect(throws: CSVText.Fault.self) { try Self.records(bytes) }
      #expect(fault == CSVText.Fault(line: line, reason: reason))
    }
  }

  @Test("line ends, quotes and commas within quotes belong to the field")
  func quotes() throws {
    let records = try Self.records(Array("a,\"b,\"\"c\"\"\nd\",\n,x\n".utf8))
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
      _ = try? Self.records(bytes)
    }
  }

  @Test(
    "text in place of a number, and numbers that are not finite or negative, are refused with line and column"
  )
  func numbers() throws {
    for text in ["", "x", "nan", "inf", "-1", "1e999"] {
      let row = Row(
        table: try RowTable(Array("schema_version,iops\n\n".utf8.dropLast()) + Array("3,\(text)\n".utf8)),
        index: 0)
      let fault = #expect(throws: CSVText.Fault.self) { try row.number(\.iops) }
      #expect(fault == CSVText.Fault(line: 2, reason: "iops is not a number of 0 or more: '\(text)'"))
    }
  }

  @Test(
    "rows that a spreadsheet saved are the same rows: CRLF, byte order mark, other columns, another order, TRUE and 0.1"
  )
  func spreadsheets() throws {
    let folder = try TemporaryFolder()
    try BootRows.write([RunFixture.record], to: folder.file("a.csv"))
    let names = RecordColumns.all.reversed()
    let header = (names.map { $0.name } + ["my notes"]).joined(separator: ",")
    let fields = names.map { column in
      let field = RunFixture.record.text(of: column)
      let saved = Double(field).map { field.contains(".") && !column.isText ? String($0) : field } ?? field
      return CSVSchema.quoted(["true", "false"].contains(saved) ? saved.uppercased() : saved)
    }
    let text = "\u{FEFF}\(header)\r\n\(fields.joined(separator: ",")),\"good, or not\"\r\n"
    try Data(text.utf8).write(to: URL(filePath: folder.file("b.csv")))
    let boots = try ["a.csv", "b.csv"].map {
      try BootSample.boots(of: RowFile(path: folder.file($0)), metrics: Metric.allCases)
    }
    #expect(boots[1][0].configuration == boots[0][0].configuration)
    #expect(boots[1][0].host == boots[0][0].host)
    #expect(boots[1][0].revision == boots[0][0].revision)
    #expect(boots[1][0][.iops] == boots[0][0][.iops])
    #expect(try RowFileSearch.holdsRows(folder.file("b.csv")))
  }

  @Test("a file that is not comma-separated UTF-8 is refused with the cause")
  func otherFormats() throws {
    let semicolons =
      CSVSchema.header.replacing(",", with: ";") + "\n" + Self.line.replacing(",", with: ";") + "\n"
    #expect(try failure(semicolons)?.contains("separated by semicolons") == true)
    #expect(try failure(CSVSchema.header + "\r" + Self.line + "\r")?.contains("carriage return") == true)
    #expect(try failure(CSVSchema.header + "\r\n\r\n")?.hasPrefix(":2: the line is empty") == true)
    let fault = #expect(throws: CSVText.Fault.self) { try Self.records([0xFF, 0xFE, 0x61, 0]) }
    #expect(fault?.reason.contains("UTF-16") == true)
  }

  @Test("a column that is missing is named, with the file and the header's line")
  func missingColumn() throws {
    let folder = try TemporaryFolder()
    let text = CSVSchema.header.replacing(",iops,", with: ",kiops,") + "\n" + Self.line + "\n"
    try Data(text.utf8).write(to: URL(filePath: folder.file("rows.csv")))
    let failure = #expect(throws: BenchFailure.self) {
      try BootSample.boots(of: RowFile(path: folder.file("rows.csv")), metrics: [.iops])
    }
    #expect(failure?.description == "\(folder.file("rows.csv")):1: the file has no column iops")
  }

  @Test("rows of earlier versions mean what they meant, without the columns that they lack")
  func earlierVersions() throws {
    let folder = try TemporaryFolder()
    // Version 1 ends with the seed, version 3 with busy_guests.
    for (version, last) in [(1, "seed"), (3, "busy_guests"), (4, "fio_rate")] {
      let columns =
        RecordColumns.all.prefix { $0.name != last } + [try #require(RecordColumns.column(named: last))]
      var row = RunFixture.record
      row.schemaVersion = version
      // Versions before 5 had other words.
      let fields = columns.map { $0.name == "vmm" ? "vext" : row.text(of: $0) }
      let text =
        columns.map { $0.formerName ?? $0.name }.joined(separator: ",") + "\n"
        + fields.map(CSVSchema.quoted).joined(separator: ",") + "\n"
      try Data(text.utf8).write(to: URL(filePath: folder.file("\(version).csv")))
      let boot = try #require(
        BootSample.boots(of: RowFile(path: folder.file("\(version).csv")), metrics: [.iops]).first)
      let current = try #require(BootRows.boots([RunFixture.record]).first)
      #expect(boot.configuration == current.configuration)
      #expect(boot[.iops] == current[.iops])
      #expect(boot.doubts == current.doubts)
      let old = try RowFile(path: folder.file("\(version).csv")).rows[0]
      #expect(old.text(\.vmm) == VMM.builtin.rawValue)
      #expect(try old.integer(\.ioThreads) == RunFixture.record.ioThreads)
    }
  }
}
