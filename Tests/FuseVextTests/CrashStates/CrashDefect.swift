/// What a run breaks on purpose in the record of a disk, so that the checks are seen to find it.
enum CrashDefect: Sendable {
  case none
  /// Flushes do nothing: writes arrive in any order.
  case ignoresFlushes
  /// A commit block of the journal is written before the flush that comes before it.
  case commitsEarly
  /// An operation is acknowledged before the flush that it ends with.
  case acknowledgesEarly

  /// The record as a broken file system would have left it.
  func applied(to events: [CrashEvent]) -> [CrashEvent] {
    switch self {
    case .none: events
    case .ignoresFlushes: events.filter { if case .flush = $0 { false } else { true } }
    case .commitsEarly: moved(events) { Self.isCommit($0) }
    case .acknowledgesEarly: moved(events) { if case .end = $0 { true } else { false } }
    }
  }

  /// Moves events of a kind to before the last flush, but an end not to before its beginning.
  private func moved(_ events: [CrashEvent], _ isMoved: (CrashEvent) -> Bool) -> [CrashEvent] {
    var result: [CrashEvent] = []
    for event in events {
      let flush = result.lastIndex { if case .flush = $0 { true } else { false } }
      let beginning = result.lastIndex { Self.begins($0, event) }
      if isMoved(event), let flush, beginning ?? -1 < flush {
        result.insert(event, at: flush)
      } else {
        result.append(event)
      }
    }
    return result
  }

  private static func begins(_ event: CrashEvent, _ other: CrashEvent) -> Bool {
    guard case .begin(let lane, _) = event, case .end(lane, _) = other else { return false }
    return true
  }

  /// Whether a write begins with a commit block: jbd2's struct commit_header, big-endian h_magic and h_blocktype.
  private static func isCommit(_ event: CrashEvent) -> Bool {
    guard case .write(_, let bytes) = event else { return false }
    return bytes.starts(with: [0xC0, 0x3B, 0x39, 0x98, 0, 0, 0, 2])
  }
}
