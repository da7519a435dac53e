import Foundation
import HostSystem
import Hypervisor

/// kvmtool with a guest, which runs as soon as it is there.
final class KvmtoolProgram: PeerProgram {
  let process: PeerProcess
  let version: String
  let bindsMemory = false
  let hasPanicked = false
  private let vcpuCount: Int
  private let socketPath: String

  private static let startMilliseconds: UInt64 = 30_000
  private static let pollNanoseconds: UInt64 = 2_000_000

  /// Starts kvmtool.
  init(program: String, command: KvmtoolCommand, consolePath: String, errorPath: String) throws {
    vcpuCount = command.guest.vcpuCount
    socketPath = NSHomeDirectory() + "/.lkvm/\(command.guest.name).sock"
    version =
      try CommandRun([program, "version"]).output.split(whereSeparator: \.isNewline).last.map(String.init)
      ?? ""
    process = try PeerProcess(
      program: program, arguments: command.arguments, outputPath: consolePath, errorPath: errorPath)
  }

  /// Its control socket is left behind where it dies.
  deinit {
    process.kill()
    // Nothing is there if it has ended by itself.
    try? UnixSocket.remove(path: socketPath)
  }

  func findThreads() throws -> PeerThreads {
    let end = HostClock.monotonicNanoseconds() + Self.startMilliseconds * 1_000_000
    while true {
      let threads = Self.threads(ProcessThread.named(of: process.id))
      if threads.vcpus.count == vcpuCount, !threads.ioThreads.isEmpty { return threads }
      guard process.isRunning else {
        throw BenchFailure("kvmtool did not start: \(process.lastWords)", exitCode: .unavailable)
      }
      guard HostClock.monotonicNanoseconds() < end else {
        throw BenchFailure("kvmtool has no threads for its vCPUs and its disk", exitCode: .unavailable)
      }
      HostClock.sleep(nanoseconds: Self.pollNanoseconds)
    }
  }

  func exitCounts() -> ExitCounts? { nil }

  func letRun() {}

  func pause() throws {
    throw BenchFailure("kvmtool has Linux guests only, and these always have work", exitCode: .usage)
  }

  /// Those of the threads `named` that have a place of their own.
  static func threads(_ named: [(name: String, thread: ProcessThread)]) -> PeerThreads {
    let prefix = KvmtoolCommand.vcpuThreadPrefix
    let vcpus = named.compactMap { entry -> (number: Int, thread: ProcessThread)? in
      guard entry.name.hasPrefix(prefix), let number = Int(entry.name.dropFirst(prefix.count)) else {
        return nil
      }
      return (number, entry.thread)
    }
    return PeerThreads(
      vcpus: vcpus.sorted { $0.number < $1.number }.map(\.thread),
      ioThreads: named.filter { $0.name == KvmtoolCommand.ioThreadName }.map(\.thread))
  }
}
