import Foundation
import SystemPackage
import Testing

@testable import Bench

struct CSVWriterTests {
  /// The fields of CSV text, read independently of how they were written (RFC 4180).
  private func parse(_ text: String) -> [[String]] {
    var rows: [[String]] = [[]]
    var field = ""
    var isQuoted = false
    var characters = text.makeIterator()
    var pending = characters.next()
    while let character = pending {
      pending = characters.next()
      switch (character, isQuoted) {
      case ("\"", true):
        if pending == "\"" {
          field.append("\"")
          pending = characters.next()
        } else {
          isQuoted = false
        }
      case ("\"", false): isQuoted = true
      case (",", false):
        rows[rows.count - 1].append(field)
        field = ""
      case ("\n", false):
        rows[rows.count - 1].append(field)
        field = ""
        rows.append([])
      default: field.append(character)
      }
    }
    return rows.dropLast()
  }

  @Test(
    "fields are quoted where they must be",
    arguments: [
      ("plain", "plain"), ("", ""), ("a b", "a b"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""),
      ("two\nlines", "\"two\nlines\""), ("\r\n", "\"\r\n\""),
    ])
  func quoting(field: String, written: String) {
    #expect(CSVSchema.quoted(field) == written)
  }

  @Test("what was written can be read back, and the header stands once")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let writer = try CSVWriter(path: folder.file("rows.csv"))
    var other = RunFixture.record
    other.isDirty = nil
    other.numaNode = nil
    other.repetition = 2
    try writer.write(RunFixture.record)
    try writer.write(other)
    let rows = parse(try folder.text(of: "rows.csv"))
    let columns = RecordColumns.all
    #expect(rows.count == 3)
    #expect(rows.first == columns.map { $0.name })
    #expect(rows.dropFirst().first == columns.map { RunFixture.record.text(of: $0) })
    #expect(rows.last == columns.map { other.text(of: $0) })
    let fields = Dictionary(uniqueKeysWithValues: zip(columns.map { $0.name }, rows[1]))
    #expect(fields["host_cpu"] == "Imaginary \"X\", 9000")
    #expect(fields["mode"] == "vext")
    #expect(fields["dirty"] == "true")
    #expect(fields["vcpu_cpus"] == "1 2")
    #expect(fields["iops"] == "2000.000")
    #expect(fields["io_vmexits_per_io"] == "1.250000000")
    #expect(fields["latency_p50_us"].flatMap(Double.init).map { abs($0 - 10) < 0.06 } == true)
    #expect(Dictionary(uniqueKeysWithValues: zip(columns.map { $0.name }, rows[2]))["dirty"] == "")
  }

  @Test("the file does not exist before its first row")
  func lateCreation() throws {
    let folder = try TemporaryFolder()
    let writer = try CSVWriter(path: folder.file("rows.csv"))
    #expect(try folder.entries == [])
    try writer.write(RunFixture.record)
    #expect(try folder.entries == ["rows.csv"])
  }

  @Test("rows are added to a file of the same schema")
  func append() throws {
    let folder = try TemporaryFolder()
    try CSVWriter(path: folder.file("rows.csv")).write(RunFixture.record)
    try CSVWriter(path: folder.file("rows.csv")).write(RunFixture.record)
    #expect(parse(try folder.text(of: "rows.csv")).count == 3)
  }

  @Test(
    "a file with another header, or an incomplete last line, is refused and left alone",
    arguments: [
      "a,b,c\n1,2,3\n", "\n", "schema_version\n", CSVSchema.header + ",more\n", CSVSchema.header + "\n1,2",
    ])
  func foreignFile(content: String) throws {
    let folder = try TemporaryFolder()
    try Data(content.utf8).write(to: URL(filePath: folder.file("rows.csv")))
    let path = folder.file("rows.csv")
    let error = #expect(throws: BenchFailure.self) { _ = try CSVWriter(path: path) }
    #expect(error?.exitCode == .dataError)
    #expect(try folder.text(of: "rows.csv") == content)
  }

  /// How a disk may let a writer down.
  enum Fault: CaseIterable {
    case halfIsWritten
    case halfIsWrittenThenAnError
    case nothingIsWritten
  }

  private func faulty(_ fault: Fault) -> CSVWriter.Append {
    { descriptor, bytes in
      switch fault {
      case .halfIsWritten: return try descriptor.writeAll(bytes.prefix(bytes.count / 2))
      case .halfIsWrittenThenAnError:
        try descriptor.writeAll(bytes.prefix(bytes.count / 2))
        throw Errno.ioError
      case .nothingIsWritten: throw Errno.noSpace
      }
    }
  }

  @Test("a row that cannot be written whole is taken back", arguments: Fault.allCases)
  func shortWrite(fault: Fault) throws {
    let folder = try TemporaryFolder()
    try CSVWriter(path: folder.file("rows.csv")).write(RunFixture.record)
    let before = try folder.text(of: "rows.csv")
    let writer = try CSVWriter(path: folder.file("rows.csv"), append: faulty(fault))
    let error = failure { try writer.write(RunFixture.record) }
    #expect(error?.exitCode == .cannotCreate)
    #expect(try folder.text(of: "rows.csv") == before)
  }

  @Test("a first row that cannot be written leaves no file", arguments: Fault.allCases)
  func shortFirstWrite(fault: Fault) throws {
    let folder = try TemporaryFolder()
    let writer = try CSVWriter(path: folder.file("rows.csv"), append: faulty(fault))
    #expect(failure { try writer.write(RunFixture.record) } != nil)
    #expect(try folder.entries == [])
  }

  /// What `body` throws. (`#expect(throws:)` cannot capture a noncopyable value.)
  private func failure(_ body: () throws -> Void) -> BenchFailure? {
    do {
      try body()
      return nil
    } catch {
      return error as? BenchFailure
    }
  }
}
