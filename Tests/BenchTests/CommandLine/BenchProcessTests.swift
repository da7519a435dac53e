import Foundation
import Testing

/// The built program, as a user's shell sees it. Nothing here gets as far as needing /dev/kvm.
struct BenchProcessTests {
  private struct Outcome {
    var exitCode: Int32
    var output: String
    var errors: String
  }

  private func bench(_ arguments: [String], in folder: String) throws -> Outcome {
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appending(path: "bench")
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder)
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Both are far smaller than a pipe's buffer: reading one after the other cannot block.
    let outputData = try output.fileHandleForReading.readToEnd() ?? Data()
    let errorData = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Outcome(
      exitCode: process.terminationStatus, output: String(decoding: outputData, as: UTF8.self),
      errors: String(decoding: errorData, as: UTF8.self))
  }

  @Test(
    "what cannot be run says why on standard error, exits with the right code, and leaves no file",
    arguments: [
      (["run", "--mode", "nvme"], 64, "'nvme' is invalid"),
      (["run", "--bs", "1000"], 64, "--bs must be a multiple of 512"),
      (["run", "--disk", "missing.img"], 66, "cannot open the disk missing.img: No such file or directory"),
      (["run", "--disk", "."], 66, "is a directory"),
      (["run", "--disk", "tiny.img"], 65, "has 100 bytes: less than one block"),
      (
        ["run", "--disk", "small.img", "--size", "64k"], 64,
        "--size 64k is more than the 8192 bytes of small.img"
      ),
      (["run", "--disk", "small.img", "--workers", "4"], 64, "--size must hold one block (4k) for each"),
      (["run", "--output", "no/such/folder.csv"], 73, "no/such, does not exist"),
      (["bogus"], 64, "Unexpected argument 'bogus'"),
    ] as [([String], Int32, String)])
  func failures(arguments: [String], exitCode: Int32, message: String) throws {
    let folder = try TemporaryFolder()
    try Data(count: 100).write(to: URL(filePath: folder.file("tiny.img")))
    try Data(count: 8192).write(to: URL(filePath: folder.file("small.img")))
    let outcome = try bench(arguments, in: folder.path)
    #expect(outcome.exitCode == exitCode)
    #expect(outcome.errors.hasPrefix("bench: error: "))
    #expect(outcome.errors.contains(message))
    #expect(outcome.output.isEmpty)
    #expect(try folder.entries == ["small.img", "tiny.img"])
  }

  @Test("help is no error")
  func help() throws {
    let folder = try TemporaryFolder()
    let outcome = try bench(["run", "--help"], in: folder.path)
    #expect(outcome.exitCode == 0)
    #expect(outcome.output.contains("--iodepth"))
    #expect(outcome.errors.isEmpty)
  }

  @Test("a dry run prints the plan and makes nothing")
  func dryRun() throws {
    let folder = try TemporaryFolder()
    let outcome = try bench(["run", "--mode", "vext", "--repeat", "2", "--dry-run"], in: folder.path)
    #expect(outcome.exitCode == 0)
    #expect(outcome.output.contains("repetition 2: vext"))
    #expect(outcome.output.contains("poller CPUs"))
    #expect(try folder.entries == [])
  }
}
