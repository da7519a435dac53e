import Foundation
import Synchronization

/// A running lkvm (or another program) whose output is kept; it ends with its last user at the latest.
final class LkvmProcess: Sendable {
  private let process: Process
  private let input: FileHandle
  private let standardOutput = OutputRecorder()
  private let standardError = OutputRecorder()

  /// Starts `lkvm ARGUMENTS` between pipes, or on `terminal`, with its standard error beside it.
  init(
    _ arguments: [String], program: URL = VirtualHost.lkvm, terminal: PseudoTerminal? = nil,
    environment: [String: String] = [:]
  ) throws {
    process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let errorPipe = Pipe()
    process.standardError = errorPipe
    standardError.record(errorPipe.fileHandleForReading)
    if let terminal {
      process.standardInput = terminal.device
      process.standardOutput = terminal.device
      input = terminal.controller
      standardOutput.record(terminal.controller)
    } else {
      let (inputPipe, outputPipe) = (Pipe(), Pipe())
      process.standardInput = inputPipe
      process.standardOutput = outputPipe
      input = inputPipe.fileHandleForWriting
      standardOutput.record(outputPipe.fileHandleForReading)
    }
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// What it wrote to standard output, or to the terminal.
  var output: String { standardOutput.text }
  /// What it wrote to standard error.
  var errors: String { standardError.text }
  /// Its process identifier.
  var identifier: Int32 { process.processIdentifier }
  /// Whether it has not ended.
  var isRunning: Bool { process.isRunning }

  /// Types `text`.
  func type(_ text: String) throws { try input.write(contentsOf: Data(text.utf8)) }

  /// Sends it `data` as its standard input.
  func send(_ data: Data) throws { try input.write(contentsOf: data) }

  /// Ends its standard input.
  func endInput() throws { try input.close() }

  /// Sends it a signal.
  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits until it printed `text`, `count` times.
  func wait(for text: String, count: Int = 1, within limit: Duration) throws {
    try wait("it did not print '\(text)'", within: limit) {
      output.components(separatedBy: text).count > count
    }
  }

  /// Logs in as root on the terminal of a Debian installation of the tests.
  func logIn() throws {
    try wait(for: "vext-debian login: ", within: GuestReport.limit)
    try type("root\r")
    try wait(for: "Password: ", within: .seconds(120))
    try type("vext\r")
    try wait(for: "root@vext-debian:~# ", within: .seconds(120))
  }

  /// Waits until `condition` holds.
  func wait(_ complaint: String, within limit: Duration, until condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
      guard process.isRunning else {
        // What it printed last may still be on its way.
        Thread.sleep(forTimeInterval: 0.2)
        guard try !condition() else { return }
        throw failure("\(complaint), and ended with code \(process.terminationStatus)")
      }
      guard ContinuousClock.now < deadline else { throw failure("\(complaint) within \(limit)") }
      Thread.sleep(forTimeInterval: 0.02)
    }
  }

  /// Waits for its end, and answers its exit code; minus the signal's number if one ended it.
  func waitForEnd(within limit: Duration) throws -> Int32 {
    let deadline = ContinuousClock.now + limit
    while process.isRunning {
      guard ContinuousClock.now < deadline else { throw failure("it did not end within \(limit)") }
      Thread.sleep(forTimeInterval: 0.02)
    }
    process.waitUntilExit()
    standardOutput.waitForEnd()
    standardError.waitForEnd()
    let status = process.terminationStatus
    return process.terminationReason == .exit ? status : -status
  }

  private func failure(_ what: String) -> TestFailure {
    let words = (process.arguments ?? []).joined(separator: " ")
    return TestFailure(
      "\(words): \(what)\nstandard error: \(errors.suffix(2000))\nstandard output: \(output.suffix(4000))")
  }
}
