import Foundation
import Testing

@testable import Bench

/// Job files as editors, spreadsheets' friends and other systems leave them.
struct FioJobReaderTests {
  private static func lines(_ reader: FioJobReader) -> [String] {
    reader.sections.flatMap { ["[\($0.name)]"] + $0.options.map(\.line) }
  }

  private static func write(_ text: String, to name: String, in folder: borrowing TemporaryFolder) throws
    -> String
  {
    try Data(text.utf8).write(to: URL(filePath: folder.file(name)))
    return folder.file(name)
  }

  private static func failure(_ path: String, _ environment: [String: String] = [:]) -> BenchFailure? {
    do throws(BenchFailure) {
      _ = try FioJobReader(path: path, environment: environment)
      return nil
    } catch {
      return error
    }
  }

  @Test func `comments, white space, a byte order mark and carriage returns are no part of a value`() throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(
      "\u{FEFF}; a comment\r\n[global]\r\n\tioengine=libaio   ; asynchronous\r\n# more\r\niodepth=32\t# deep\r\n\r\n"
        + "[a]\r\nrw=randread:8;x\r\ntime_based\r\nreadwrite=read", to: "job.fio", in: folder)
    let reader = try FioJobReader(path: path, environment: [:])
    #expect(
      Self.lines(reader) == [
        "[global]", "ioengine=libaio", "iodepth=32", "[a]", "rw=randread:8", "time_based", "rw=read",
      ])
  }

  @Test func `variables and included files are resolved on the host`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("parts"), withIntermediateDirectories: false)
    _ = try Self.write("direct=1\ninclude more.inc\n", to: "parts/common.inc", in: folder)
    _ = try Self.write("bs=${BS}\n", to: "parts/more.inc", in: folder)
    let path = try Self.write(
      "[global]\ninclude parts/common.inc\n[a]\nrw=${KIND}${MORE}\n", to: "job.fio", in: folder)
    let reader = try FioJobReader(path: path, environment: ["BS": "8k", "KIND": "rand", "MORE": "read"])
    #expect(Self.lines(reader) == ["[global]", "direct=1", "bs=8k", "[a]", "rw=randread"])
    let unset = Self.failure(path, ["KIND": "", "MORE": ""])
    #expect(unset?.description.hasSuffix("parts/more.inc:1: the environment variable BS is not set") == true)
    #expect(unset?.exitCode == .dataError)
    let hostile = Self.failure(path, ["BS": "4k\nexec_prerun=rm", "KIND": "", "MORE": ""])
    #expect(hostile?.description.hasSuffix("BS holds a control character") == true)
  }

  @Test(arguments: [
    ("rw=read\n[a]\n", ":1: 'rw=read' is outside of a section"),
    ("[a\n", ":1: '[a' is not a section: [NAME]"),
    ("[a]\n\nbs=${X\n", ":3: '${' has no '}'"),
    ("[a]\ninclude gone.inc\n", ":2: cannot find the included file gone.inc"),
    ("[a]\ninclude job.fio\n", ":1: an included file cannot have sections"),
  ])
  func `a line that is wrong is named`(text: String, message: String) throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(text, to: "job.fio", in: folder)
    let description = Self.failure(path)?.description ?? "read"
    #expect(description == path + message)
  }

  @Test func `files that include each other end`() throws {
    let folder = try TemporaryFolder()
    _ = try Self.write("include loop.inc\n", to: "loop.inc", in: folder)
    let path = try Self.write("[a]\ninclude loop.inc\n", to: "job.fio", in: folder)
    #expect(Self.failure(path)?.description.contains("include each other 8 levels deep") == true)
    _ = try Self.write(String(repeating: "include wide.inc\n", count: 50), to: "wide.inc", in: folder)
    let wide = try Self.write("[a]\ninclude wide.inc\n", to: "wide.fio", in: folder)
    #expect(Self.failure(wide)?.exitCode == .dataError)
  }

  @Test func `an invalid job file is refused, and the exit code says why`() throws {
    let folder = try TemporaryFolder()
    let missing = Self.failure(folder.file("missing"))
    #expect(missing?.exitCode == .noInput)
    #expect(missing?.description.contains("cannot read the job file") == true)
    #expect(Self.failure(folder.path)?.description == "the job file \(folder.path) is not a regular file")
    let pipe = folder.file("pipe")
    #expect(try CommandRun(["mkfifo", pipe]).exitCode == 0)
    #expect(Self.failure(pipe)?.description == "the job file \(pipe) is not a regular file")
    let wrong: [(String, Data)] = [
      ("binary", Data([0xFF, 0xFE, 0x5B])), ("zero", Data("[a]\n\0".utf8)),
      ("large", Data(repeating: 0x20, count: (1 << 20) + 1)),
    ]
    for (name, data) in wrong {
      try data.write(to: URL(filePath: folder.file(name)))
      #expect(Self.failure(folder.file(name))?.exitCode == .dataError)
    }
    let path = try Self.write("[a]\nrw=write\n", to: "job.fio", in: folder)
    #expect(try FioJobFile(path: path).name == "job.fio")
  }
}
