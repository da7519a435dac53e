import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// The program that serves a file system in FUSE. One thread.
final class FileSystemServer {
  private let name: String
  private var process: ChildProcess
  private let output: MemoryFile

  /// How long it may take from the end of the mount to its own.
  private static let endNanoseconds: UInt64 = 60_000_000_000

  /// Starts `words`. It unmounts and ends when bench does, even if bench is killed.
  ///
  /// - Throws: ``BenchFailure`` if it cannot be started.
  init(_ words: [String]) throws(BenchFailure) {
    name = words.first.map { ($0 as NSString).lastPathComponent } ?? ""
    guard let leash = CommandRun.find("setpriv") else {
      throw BenchFailure("setpriv is not installed (Debian: util-linux)", exitCode: .unavailable)
    }
    do throws(Errno) {
      let output = try MemoryFile(name: "output")
      process = try ChildProcess(
        path: leash, arguments: ["--pdeathsig", "TERM", "--"] + words, output: output.descriptor,
        errors: output.descriptor)
      self.output = output
    } catch {
      throw BenchFailure("cannot start \(words.joined(separator: " ")): \(error)", exitCode: .unavailable)
    }
  }

  /// CPU time of its threads so far; 0 if it has ended.
  var cpuNanoseconds: UInt64 { ProcessThread.cpuNanoseconds(ofProcess: process.id) ?? 0 }

  /// Whether it still runs.
  func isRunning() throws(Errno) -> Bool { try process.isRunning() }

  /// The last line that it wrote.
  var lastWords: String {
    let text = String(decoding: (try? output.contents()) ?? [], as: UTF8.self)
    return text.split(separator: "\n").last.map(String.init) ?? "no message"
  }

  /// Waits until it has ended by itself, after its file system was unmounted.
  ///
  /// - Throws: ``BenchFailure`` if it fails or does not end.
  func waitForEnd() throws {
    let deadline = HostClock.monotonicNanoseconds() + Self.endNanoseconds
    while try process.isRunning() {
      guard HostClock.monotonicNanoseconds() < deadline else {
        throw BenchFailure("\(name) does not end after its file system was unmounted", exitCode: .ioError)
      }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
    guard process.exitCode == 0 else {
      throw BenchFailure(
        "\(name) ended with \(process.exitCode ?? -1): \(lastWords)", exitCode: .ioError)
    }
  }

  /// Ends it, whatever it does.
  func end() {
    // A process that cannot be waited for has ended.
    try? process.end()
  }
}
