import Foundation
import Testing

/// A sample of the faults that `scripts/lib/tests/faults` injects into lkvm's system calls.
@Suite(
  .enabled("needs /dev/kvm") { unsafe access("/dev/kvm", R_OK | W_OK) == 0 },
  .enabled("needs strace") { FileManager.default.isExecutableFile(atPath: "/usr/bin/strace") })
struct FaultTests {
  private static let script = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../scripts/lib/tests/faults").standardizedFileURL.path

  /// Runs the script; whole runs of it find what the sample misses.
  private static func run(_ arguments: [String]) throws -> (exitCode: Int32, output: String) {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "120", script, "--lkvm", LkvmProcess.program.path] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  @Test(arguments: ["start", "sandbox", "stop"])
  func `lkvm survives the failure of a system call, or ends with one message and leaves nothing`(
    scenario: String
  ) throws {
    let outcome = try Self.run(["--only", scenario, "--sample", "8"])
    #expect(outcome.exitCode == 0, "\(outcome.output)")
    #expect(outcome.output.contains("faults: 8 of "), "\(outcome.output)")
  }
}
