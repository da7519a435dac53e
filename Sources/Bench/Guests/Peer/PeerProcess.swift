import Foundation
import HostSystem

#if canImport(Glibc)
  import Glibc
#endif

/// Another VMM's process. It ends with this object, and with bench whatever becomes of bench. One thread.
final class PeerProcess {
  /// Its standard input.
  let input: FileHandle
  /// Its standard output, or nil where that goes to a file.
  let output: FileHandle?
  /// The program and its arguments.
  let command: [String]
  private let process = Process()
  private let errorPath: String

  private static let pollNanoseconds: UInt64 = 5_000_000
  private static let listenNanoseconds: UInt64 = 10_000_000_000
  /// Kills the process when the thread that started it ends: bench may be killed itself.
  private static let deathSignal = ["setpriv", "--pdeathsig", "KILL", "--"]

  /// Starts `program`.
  ///
  /// - Parameters:
  ///   - outputPath: Where its standard output goes; nil: to ``output``.
  ///   - errorPath: Where its standard error goes.
  /// - Throws: ``BenchFailure`` if it cannot be started.
  init(program: String, arguments: [String], outputPath: String?, errorPath: String) throws {
    command = [program] + arguments
    self.errorPath = errorPath
    let words = Self.deathSignal + command
    guard let path = CommandRun.find(words[0]) else {
      throw BenchFailure("\(words[0]) is not installed (Debian: util-linux)", exitCode: .unavailable)
    }
    let (requests, answers) = (Pipe(), Pipe())
    input = requests.fileHandleForWriting
    process.executableURL = URL(filePath: path)
    process.arguments = Array(words.dropFirst())
    process.standardInput = requests
    process.standardError = try Self.file(errorPath)
    if let outputPath {
      process.standardOutput = try Self.file(outputPath)
      output = nil
    } else {
      process.standardOutput = answers
      output = answers.fileHandleForReading
    }
    // A process that ended must be an error of the write, not a signal.
    signal(SIGPIPE, SIG_IGN)
    do {
      try process.run()
    } catch {
      throw BenchFailure("cannot start \(program): \(error.plainWords)", exitCode: .unavailable)
    }
  }

  deinit { kill() }

  /// Its number.
  var id: Int32 { process.processIdentifier }

  /// Whether it still runs.
  var isRunning: Bool { process.isRunning }

  /// How it ended, in words; nil if it ended by itself and well, or runs.
  var badEnd: String? {
    guard !process.isRunning else { return nil }
    let status = process.terminationStatus
    if process.terminationReason == .uncaughtSignal { return "signal \(status) ended it" }
    return status == 0 ? nil : "it ended with code \(status)"
  }

  /// The last line that it wrote to standard error; empty if there is none.
  var lastWords: String { ConsoleTail.lines(of: errorPath).last ?? "" }

  /// Waits until it listens: until the files of all `sockets` are there.
  ///
  /// - Throws: ``BenchFailure`` with its last words, as those of `name`, if it ends before or takes too long.
  func waitForSockets(_ sockets: [String], name: String) throws {
    let deadline = HostClock.monotonicNanoseconds() + Self.listenNanoseconds
    while !sockets.allSatisfy({ FileManager.default.fileExists(atPath: $0) }) {
      guard process.isRunning, HostClock.monotonicNanoseconds() < deadline else {
        throw BenchFailure("\(name) did not start: \(lastWords)", exitCode: .unavailable)
      }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
  }

  /// Waits for its end.
  ///
  /// - Returns: Whether it came in time.
  func wait(milliseconds: Int) -> Bool {
    let end = HostClock.monotonicNanoseconds() + UInt64(milliseconds) * 1_000_000
    while process.isRunning {
      guard HostClock.monotonicNanoseconds() < end else { return false }
      HostClock.sleep(nanoseconds: Self.pollNanoseconds)
    }
    return true
  }

  /// Ends it whatever it does, and waits for that.
  func kill() {
    guard process.isRunning else { return }
    _ = Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  private static func file(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw BenchFailure("cannot write \(path)", exitCode: .cannotCreate) }
    return handle
  }
}
