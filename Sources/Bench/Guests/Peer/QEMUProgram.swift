import Foundation
import HostSystem
import Hypervisor

/// A QEMU process whose guest is paused until `resume`.
final class QEMUProgram: PeerProgram {
  let process: PeerProcess
  let version: String
  let bindsMemory = true
  private let monitor: QMPChannel

  /// What QEMU calls it when a guest's kernel panics.
  private static let panicEvent = "GUEST_PANICKED"
  /// Time for making the guest's memory resident, on an emulated host too.
  private static let answerMilliseconds = 120_000

  /// Starts QEMU.
  ///
  /// - Throws: ``BenchFailure`` with QEMU's own words if it does not start.
  init(program: String, command: QEMUCommand, errorPath: String) throws {
    process = try PeerProcess(
      program: program, arguments: command.arguments, outputPath: nil, errorPath: errorPath)
    guard let output = process.output else { preconditionFailure("its standard output is a pipe") }
    monitor = QMPChannel(requests: process.input, answers: output)
    do {
      version = try monitor.connect(milliseconds: Self.answerMilliseconds)
    } catch {
      throw Self.failure(error, process)
    }
  }

  func findThreads() throws -> PeerThreads {
    let answers = (cpus: try execute("query-cpus-fast"), ioThreads: try execute("query-iothreads"))
    guard let threads = QMPThreads(cpus: answers.cpus, ioThreads: answers.ioThreads) else {
      throw BenchFailure(
        "QEMU \(version): unknown answer to query-cpus-fast or query-iothreads; bench knows that of QEMU 7.1 and newer",
        exitCode: .unavailable)
    }
    func thread(_ id: Int32) -> ProcessThread {
      ProcessThread(process: process.id, thread: ForeignThread(id: id))
    }
    return PeerThreads(vcpus: threads.vcpus.map(thread), ioThreads: threads.ioThreads.map(thread))
  }

  /// By `query-stats`, which QEMU has from 7.1 on.
  func exitCounts() throws -> ExitCounts? {
    do {
      let answer = try monitor.execute(
        "query-stats", arguments: QMPStatistics.arguments, milliseconds: Self.answerMilliseconds)
      return QMPStatistics.exitCounts(answer)
    } catch .refused {
      return nil
    } catch {
      throw Self.failure(error, process)
    }
  }

  func letRun() throws { _ = try execute("cont") }

  func pause() throws { _ = try execute("stop") }

  var hasPanicked: Bool {
    monitor.drain()
    return monitor.events.contains(Self.panicEvent)
  }

  private func execute(_ command: String) throws -> JSONValue {
    do {
      return try monitor.execute(command, milliseconds: Self.answerMilliseconds)
    } catch {
      throw Self.failure(error, process)
    }
  }

  private static func failure(_ failure: QMPChannel.Failure, _ process: PeerProcess) -> BenchFailure {
    switch failure {
    case .closed:
      // Standard error is complete once the process has ended.
      _ = process.wait(milliseconds: 5_000)
      let words = process.lastWords
      return BenchFailure(
        "QEMU did not start: \(words.isEmpty ? process.badEnd ?? "it closed its monitor" : words)",
        exitCode: .unavailable)
    case .timeout: return BenchFailure("QEMU's monitor does not answer", exitCode: .unavailable)
    case .refused(let reason): return BenchFailure("QEMU's monitor: \(reason)", exitCode: .unavailable)
    }
  }
}
