import Glibc
import VextProtocol

/// A queue whose service has ended: every request that it has, and every one that comes, is answered with EIO.
///
/// One thread at a time.
struct OrphanedVextQueue: @unchecked Sendable {
  /// Keeps the rings mapped.
  private let memory: GuestMemory
  private let record: VextQueueRecord
  private var submissions: VextSubmissionConsumer
  private var completions: VextCompletionProducer
  private let depth: UInt32
  private var wake = VextWake.never

  /// Takes the queue over and answers what was in flight.
  ///
  /// - Parameters:
  ///   - setup: was accepted by the service.
  ///   - interrupt: the queue's, if the driver accepted INTERRUPT.
  /// - Returns: nil where the rings do not lie in `memory`: then no service can have accepted them.
  init?(
    _ setup: VextQueueSetup, memory: GuestMemory, record: VextQueueRecord, interrupt: VextInterrupt? = nil
  ) {
    guard let rings = GuestRings(setup, in: memory.map) else { return nil }
    self.memory = memory
    self.record = record
    depth = setup.depth
    let recovered = RecoveredQueueState(rings, depth: depth, record: record)
    submissions = recovered.submissions
    completions = recovered.completions
    for id in recovered.pending {
      completions.push(Self.failure(of: id))
      record.end(id)
    }
    if setup.features.contains(.interrupt),
      let block = GuestWakeBlock(at: GuestAddress(setup.wakeBlock), in: memory.map)
    {
      wake = VextWake(features: .interrupt, block: block, doorbell: nil, interrupt: interrupt)
    }
    // The service may have ended between an answer and its interrupt.
    wake.raise()
  }

  /// Answers what the driver has submitted since. Never more than the ring holds, and nothing once the queue has stopped.
  mutating func serve() {
    guard record.fault == .none else { return }
    answer()
    wake.confirmWake()
  }

  private mutating func answer() {
    for _ in 0..<depth {
      switch submissions.poll() {
      case .idle: return
      case .violation:
        record.stop(VextQueueFault(error: .badLap, detail: UInt64(submissions.nextIndex)))
        return wake.raise()
      case .ready(let entry):
        completions.push(Self.failure(of: entry.id))
        wake.noteCompletions()
      }
    }
  }

  private static func failure(of id: UInt16) -> VextCompletionEntry {
    VextCompletionEntry(id: id, status: UInt16(EIO), byteCount: 0)
  }
}
