import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Boots in a process of its own: another build can be started like this one, and a crash costs one boot.
struct BootProcess: BootRunning {
  /// How often the process is checked.
  private static let pollSeconds = 0.01
  /// Ends the boot with this process, also where a signal leaves no time for that: it would spoil the next one's results.
  private static let deathSignal = CommandRun.find("setpriv").map { [$0, "--pdeathsig", "KILL", "--"] } ?? []

  func run(
    _ side: ExperimentSide, arguments: [String], logPath: String, secondLimit: Double,
    watch: InterruptionWatch
  ) throws -> Int32 {
    let log: OwnedDescriptor
    do throws(Errno) {
      log = try OwnedDescriptor.open(logPath, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
    } catch {
      throw BenchFailure("cannot write \(logPath): \(error)", exitCode: .cannotCreate)
    }
    do {
      let words = Self.deathSignal + [side.program] + arguments
      var child = try ChildProcess(
        path: words[0], arguments: Array(words.dropFirst()),
        environment: ProcessInfo.processInfo.environment.merging(side.environment) { $1 },
        output: log.rawValue,
        errors: log.rawValue)
      let start = Date()
      while try child.isRunning() {
        if watch.isInterrupted {
          try child.end()
          throw RunInterruption()
        }
        if -start.timeIntervalSinceNow > secondLimit {
          try child.end()
          throw BenchFailure(
            "the boot did not end within \(Int(secondLimit)) s (\(logPath))", exitCode: .unavailable)
        }
        Thread.sleep(forTimeInterval: Self.pollSeconds)
      }
      return try child.wait()
    } catch let error as Errno {
      throw BenchFailure("cannot run \(side.program): \(error)", exitCode: .unavailable)
    }
  }
}
