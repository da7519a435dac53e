import VextProtocol

/// The state of a queue that an ended service had, recovered from the rings and the queue table (docs/vext-service.md §5).
///
/// One thread at a time, which alone touches the queue.
struct RecoveredQueueState: @unchecked Sendable {
  /// Continues the completion ring.
  var completions: VextCompletionProducer
  /// Continues the submission ring, behind the entries of ``pending``.
  let submissions: VextSubmissionConsumer
  /// The ids of the requests that the service took and did not answer.
  let pending: [UInt16]

  /// The service's places in the rings follow from what it left: the completion ring tells how many answers there are, and each
  /// entry that it took is answered or in flight.
  ///
  /// - Parameters:
  ///   - rings: of `depth` entries each.
  ///   - depth: a power of two, ``VextDevice/maxQueueDepth`` at most.
  init(_ rings: GuestRings, depth: UInt32, record: VextQueueRecord) {
    let (tail, last) = Self.tail(rings, depth: depth)
    completions = rings.completions(from: tail)
    pending = record.underWay(depth: depth, sequence: completions.sequence, lastAnswered: last)
    // The service may have ended before it noted its last answer. The next answer would hide that.
    if let last, UInt32(last) < depth, !pending.contains(last) { record.end(last) }
    var head = tail
    for _ in pending { head.advance() }
    submissions = rings.submissions(from: head)
  }

  /// Where the next answer comes, and the id of the last one. The laps of the slots tell: up to there one more than from there
  /// on. A guest that writes there itself gets its answers in other places of its own ring.
  private static func tail(_ rings: GuestRings, depth: UInt32) -> (VextRingPosition, last: UInt16?) {
    let announcements = rings.announcements()
    let lap = UInt32(truncatingIfNeeded: announcements[0] >> 32)
    var position = VextRingPosition(depth: depth)
    guard lap != 0 || announcements.contains(where: { $0 >> 32 != 0 }) else { return (position, nil) }
    let index = announcements.firstIndex { UInt32(truncatingIfNeeded: $0 >> 32) != lap }
    position.lap = index == nil ? lap &+ 1 : lap
    position.index = UInt32(index ?? 0)
    let last = announcements[(index ?? announcements.count) - 1]
    return (position, UInt16(truncatingIfNeeded: last >> 16))
  }
}
