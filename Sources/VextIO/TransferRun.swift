import HostSystem
import Synchronization
import SystemPackage
import VextClient

/// A transfer under way: one thread for each queue.
final class TransferRun: Sendable {
  /// The result of the transfer.
  struct Outcome: Sendable {
    var requestCount: UInt64 = 0
    var byteCount: UInt64 = 0
    var checksum: UInt64 = 0
    var nanoseconds: UInt64 = 0
    var failure: VextIOFailure?
  }

  private let device: VextBlockDevice
  private let transfer: Transfer
  private let outcome = Mutex(Outcome())

  private init(_ transfer: Transfer, on device: VextBlockDevice) {
    self.device = device
    self.transfer = transfer
  }

  /// Does all of it; throws the first failure.
  static func run(_ transfer: Transfer, on device: VextBlockDevice) throws(VextIOFailure) -> Outcome {
    let run = TransferRun(transfer, on: device)
    let start = HostClock.monotonicNanoseconds()
    var threads: [HostThread] = []
    do throws(Errno) {
      for index in 0..<transfer.queueCount {
        threads.append(try HostThread(name: "vext-io-\(index)", cpus: nil) { run.work(index) })
      }
    } catch {
      run.fail(.request("thread", error))
    }
    for thread in threads { thread.join() }
    var outcome = run.outcome.withLock { $0 }
    if let failure = outcome.failure { throw failure }
    outcome.nanoseconds = max(HostClock.monotonicNanoseconds() - start, 1)
    return outcome
  }

  private var hasFailed: Bool { outcome.withLock { $0.failure != nil } }

  private func fail(_ failure: VextIOFailure) {
    outcome.withLock { outcome in
      if outcome.failure == nil { outcome.failure = failure }
    }
  }

  private func work(_ index: Int) {
    do throws(VextIOFailure) {
      let worker = try TransferWorker(transfer, index: index, device: device)
      for _ in 0..<transfer.repetitions where !hasFailed { try worker.pass() }
      let part = worker.outcome
      outcome.withLock { outcome in
        outcome.requestCount += part.requestCount
        outcome.byteCount += part.byteCount
        outcome.checksum &+= part.checksum
      }
    } catch {
      fail(error)
    }
  }
}
