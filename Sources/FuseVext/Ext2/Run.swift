/// Neighbouring blocks of a file that are neighbours on the device too.
struct Run: Equatable, Sendable {
  enum State: Sendable {
    /// Holds data.
    case written
    /// Allocated, reads as zeros.
    case unwritten
    /// Holds data, but the disk's structures do not say so yet.
    case pending
  }

  /// The first block in the file.
  var logical: UInt64
  /// The first block on the device.
  var physical: UInt64
  var count: UInt64
  var state: State

  var logicalEnd: UInt64 { logical + count }

  /// Whether `next` is its continuation.
  func continues(in next: Run) -> Bool {
    next.state == state && logicalEnd == next.logical && physical + count == next.physical
  }

  /// The part of it within a range that it overlaps.
  func clipped(to range: Range<UInt64>) -> Run {
    let first = max(logical, range.lowerBound)
    let end = min(logicalEnd, range.upperBound)
    return Run(logical: first, physical: physical + (first - logical), count: end - first, state: state)
  }
}
