import Foundation

/// Boots in a process of its own: another build can be started like this one, and a crash costs one boot.
struct BootProcess: BootRunning {
  /// How often the process is looked at.
  private static let pollSeconds = 0.01
  /// How long a process may take to end once it was asked to.
  private static let graceSeconds = 30.0

  func run(
    _ side: ExperimentSide, arguments: [String], logPath: String, secondLimit: Double,
    watch: InterruptionWatch
  ) throws -> Int32 {
    guard FileManager.default.createFile(atPath: logPath, contents: nil),
      let log = FileHandle(forWritingAtPath: logPath)
    else { throw BenchFailure("cannot write \(logPath)", exitCode: .cannotCreate) }
    let process = Process()
    process.executableURL = URL(filePath: side.program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(side.environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = log
    process.standardError = log
    do {
      try process.run()
    } catch {
      throw BenchFailure(
        "cannot start \(side.program): \(error.localizedDescription)", exitCode: .unavailable)
    }
    let start = Date()
    while process.isRunning {
      if watch.isInterrupted {
        end(process)
        throw RunInterruption()
      }
      if -start.timeIntervalSinceNow > secondLimit {
        end(process)
        throw BenchFailure(
          "the boot did not end within \(Int(secondLimit)) s (\(logPath))", exitCode: .unavailable)
      }
      Thread.sleep(forTimeInterval: Self.pollSeconds)
    }
    return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
  }

  /// Asks the process to take its machines down, and kills it if it does not.
  private func end(_ process: Process) {
    process.terminate()
    let start = Date()
    while process.isRunning, -start.timeIntervalSinceNow < Self.graceSeconds {
      Thread.sleep(forTimeInterval: Self.pollSeconds)
    }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }
}
