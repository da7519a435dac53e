import Glibc
import VextProtocol

/// A queue whose service has ended: every request that it has, and every one that comes, is answered with EIO.
///
/// One thread at a time.
@safe
struct OrphanedVextQueue: @unchecked Sendable {
  /// Keeps the rings mapped.
  private let memory: GuestMemory
  private let record: VextQueueRecord
  private var submissions: SubmissionConsumer
  private var completions: CompletionProducer
  private let depth: UInt32

  /// Takes the queue over and answers what was under way.
  ///
  /// The service's places in the rings follow from what it left: the completion ring tells how many answers there are, and each
  /// entry that it took is answered or under way (docs/vext-service.md §5).
  ///
  /// - Parameter setup: was accepted by the service.
  /// - Returns: nil where the rings do not lie in `memory`: then no service can have accepted them.
  init?(_ setup: VextQueueSetup, memory: GuestMemory, record: VextQueueRecord) {
    let (submissionByteCount, completionByteCount) = (
      UInt64(setup.depth) * UInt64(SubmissionEntry.encodedByteCount),
      UInt64(setup.depth) * UInt64(CompletionEntry.encodedByteCount)
    )
    guard setup.depth.nonzeroBitCount == 1, setup.depth <= VextDevice.maxQueueDepth,
      let submissionRing = unsafe memory.map.hostPointer(
        GuestAddress(setup.submissionRing), byteCount: submissionByteCount),
      let completionRing = unsafe memory.map.hostPointer(
        GuestAddress(setup.completionRing), byteCount: completionByteCount)
    else { return nil }
    self.memory = memory
    self.record = record
    depth = setup.depth
    // SAFETY: the map established that all words lie in guest memory, which `memory` keeps mapped.
    let words = unsafe SharedWords(base: completionRing)
    let (tail, last) = unsafe Self.tail(words, depth: depth)
    completions = unsafe CompletionProducer(ring: completionRing, position: tail)
    let pending = record.underWay(
      depth: depth, sequence: completions.sequence, lastAnswered: last)
    var head = tail
    for id in pending {
      head.advance()
      completions.push(Self.failure(of: id))
    }
    submissions = unsafe SubmissionConsumer(ring: submissionRing, position: head)
  }

  /// Answers what the driver has submitted since. Never more than the ring holds, and nothing once the queue has stopped.
  mutating func serve() {
    guard record.fault == .none else { return }
    for _ in 0..<depth {
      switch submissions.poll() {
      case .idle: return
      case .violation:
        return record.stop(VextQueueFault(error: .badLap, detail: UInt64(submissions.nextIndex)))
      case .ready(let entry): completions.push(Self.failure(of: entry.id))
      }
    }
  }

  private static func failure(of id: UInt16) -> CompletionEntry {
    CompletionEntry(id: id, status: UInt16(EIO), byteCount: 0)
  }

  /// Where the next answer comes, and the id of the last one. The laps of the slots tell: up to there one more than from there
  /// on. A guest that writes there itself gets its answers in other places of its own ring.
  private static func tail(_ ring: SharedWords, depth: UInt32) -> (RingPosition, last: UInt16?) {
    let announcements = (0..<Int(depth)).map { unsafe ring.loadAcquiring($0 &* 2 &+ 1) }
    let lap = UInt32(truncatingIfNeeded: announcements[0] >> 32)
    var position = RingPosition(depth: depth)
    guard lap != 0 || announcements.contains(where: { $0 >> 32 != 0 }) else { return (position, nil) }
    let index = announcements.firstIndex { UInt32(truncatingIfNeeded: $0 >> 32) != lap }
    position.lap = index == nil ? lap &+ 1 : lap
    position.index = UInt32(index ?? 0)
    let last = announcements[(index ?? announcements.count) - 1]
    return (position, UInt16(truncatingIfNeeded: last >> 16))
  }
}
