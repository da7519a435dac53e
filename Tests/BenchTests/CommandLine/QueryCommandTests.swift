import Foundation
import Testing

@testable import Bench

/// `bench query` as a process.
struct QueryCommandTests {
  private static let endless =
    "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"

  /// A folder with a file of rows; the database is beside it.
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try BootRows.write(BootRows.rows(iops: [1, 2, 3]), to: folder.file("a.csv"))
    return folder
  }

  /// Starts the program of argument 1, sends the signal of argument 4 once the query has begun to answer, and reads nothing more of the answer.
  private static let client = """
    import signal, subprocess, sys, time
    sql = "with recursive c(x) as (select 1 union all select x + 1 from c) select x from c"
    query = subprocess.Popen(
        [sys.argv[1], "query", sql, sys.argv[2], "--database", sys.argv[3], "--format", "csv", "--max-rows", "1000000000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    query.stdout.readline()
    start = time.time()
    query.send_signal(getattr(signal, sys.argv[4]))
    errors = query.stderr.read()
    print(query.wait(10), repr(errors), time.time() - start < 10)
    """

  @Test(
    "a query that does not end is ended by a signal at once, with one line and the signal's exit code",
    arguments: [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
  func signals(signal: String, exitCode: Int) throws {
    let folder = try folder()
    try folder.write("client.py", Self.client)
    let run = try CommandRun([
      "python3", folder.file("client.py"), BenchProgram.program.path, folder.file("a.csv"),
      folder.file("rows.sqlite"),
      signal,
    ])
    #expect(run.output == "\(exitCode) 'bench: error: interrupted\\n' True", "\(run.output)")
  }

  @Test("an output that is one of the inputs, by any name, is refused, and the input stays as it is")
  func outputsThatAreInputs() throws {
    let folder = try folder()
    let rows = try Data(contentsOf: URL(filePath: folder.file("a.csv")))
    try FileManager.default.createDirectory(
      atPath: folder.file("figures"), withIntermediateDirectories: false)
    try FileManager.default.linkItem(
      atPath: folder.file("a.csv"), toPath: folder.file("figures/throughput.dat"))
    try folder.write("scenario.yaml", "name: x\n")
    for arguments in [
      ["report", "--from", "a.csv", "--output", "a.csv"],
      ["report", "--from", "a.csv", "--output", "figures/throughput.dat"],
      ["figures", "--from", "a.csv", "--output", "figures"],
      ["calibrate", "--scenario", "scenario.yaml", "--save", "./scenario.yaml"],
      ["query", "select 1", "a.csv", "--database", "a.csv"],
    ] {
      let outcome = try BenchProgram.run(arguments, in: folder.path)
      #expect([64, 73].contains(outcome.exitCode), "\(arguments) \(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1)
      #expect(try Data(contentsOf: URL(filePath: folder.file("a.csv"))) == rows)
    }
    #expect(try String(contentsOfFile: folder.file("scenario.yaml"), encoding: .utf8) == "name: x\n")
  }

  @Test("files and folders may have names of one character")
  func shortNames() throws {
    let folder = try folder()
    try FileManager.default.moveItem(atPath: folder.file("a.csv"), toPath: folder.file("a"))
    for arguments in [
      ["query", "select count(*) as n from rows", "a", "--database", "q"],
      ["history", "a", "--database", "h"],
      ["compare", "a", "a", "--metric", "iops"], ["bundle", "a", "--output", "b"],
      ["bundle", "--verify", "b"],
      ["report", "--from", ".", "--output", "r"], ["report", "--from", "a", "--output", "s"],
    ] {
      let outcome = try BenchProgram.run(arguments, in: folder.path)
      let isExpected =
        outcome.exitCode == 0 || outcome.exitCode == 6 || outcome.exitCode == 69
        || outcome.errors.hasPrefix("bench: error: ")
      #expect(isExpected && outcome.exitCode < 128, "\(arguments): \(outcome.exitCode), \(outcome.errors)")
    }
  }

  @Test(
    "limits and refusals are one line and an exit code",
    arguments: [
      ([endless, "--time-limit", "100ms"], 65, "the query took longer than 100ms"),
      (["select iops from rows", "--max-rows", "2"], 65, "the result has more than 2 lines"),
      (["select iops from rows", "--max-rows", "0"], 64, "--max-rows must be at least 1"),
      (["select iops from rows", "--time-limit", "0"], 64, "--time-limit must be longer than 0"),
      (["attach 'other.sqlite' as other"], 64, "the statement does more than read"),
      (["select missing from rows"], 64, "no such column: missing"),
    ] as [([String], Int32, String)])
  func refusals(arguments: [String], exitCode: Int32, message: String) throws {
    let folder = try folder()
    let outcome = try BenchProgram.run(
      ["query"] + arguments.prefix(1) + ["a.csv", "--database", "rows.sqlite"] + arguments.dropFirst(),
      in: folder.path)
    #expect(outcome.exitCode == exitCode)
    #expect(
      outcome.errors.hasPrefix("bench: error: ") && outcome.errors.contains(message), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(!FileManager.default.fileExists(atPath: folder.file("other.sqlite")))
  }
}
