/// The position of one end of a ring: an index and the number of its lap.
///
/// A ring of `depth` entries starts as zeroes. The producer's first lap is lap 1, and each entry carries the lap in which
/// it was written. A slot is *idle* while it carries the previous lap, and *ready* when it carries the consumer's lap. A
/// correct producer writes no other value.
///
/// ```
///            index                      lap = 3
///              v
///   | 3 | 3 |  2  | 2 | 2 | 2 | 2 | 2 |     2: idle   3: ready   other: violation
/// ```
///
/// Laps wrap at 2^32, which keeps the three cases apart.
@frozen
public struct RingPosition: BitwiseCopyable, Sendable {
  /// The next slot, less than the depth.
  public var index: UInt32
  /// The lap that the slot at `index` carries when it is ready.
  public var lap: UInt32
  /// The depth, a power of two, less one.
  public let mask: UInt32

  /// Starts at the first slot of a ring of `depth` entries, a power of two.
  @inlinable @inline(__always)
  public init(depth: UInt32) {
    self.index = 0
    self.lap = 1
    self.mask = depth &- 1
  }

  /// Advances by one slot.
  @inlinable @inline(__always)
  public mutating func advance() {
    index = (index &+ 1) & mask
    if index == 0 { lap = lap &+ 1 }
  }
}

/// The result of polling the next slot.
@frozen
public enum RingPoll<Entry: BitwiseCopyable> {
  /// There is no new entry.
  case idle
  /// The entry, copied out of shared memory.
  case ready(Entry)
  /// The slot carries a lap that no correct producer writes.
  case violation
}
