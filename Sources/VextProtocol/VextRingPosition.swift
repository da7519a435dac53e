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
public struct VextRingPosition: BitwiseCopyable, Sendable {
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

/// One end of a ring in shared memory: where the ring is, and where this end stands.
@safe @frozen @usableFromInline
struct RingEnd {
  // SAFETY: the initializer's caller promises a mapped ring of `depth` entries; a position's index is masked, so each slot
  // lies in it.
  @usableFromInline let ring: UnsafeMutableRawPointer
  @usableFromInline var position: VextRingPosition

  /// The start of a ring of `depth` entries at `ring`, which must stay mapped and is aligned to the size of an entry.
  @inlinable @inline(__always)
  init(ring: UnsafeMutableRawPointer, depth: UInt32) {
    unsafe self.ring = unsafe ring
    position = VextRingPosition(depth: depth)
  }

  /// Continues the ring at `ring` from `position`.
  @inlinable @inline(__always)
  init(ring: UnsafeMutableRawPointer, position: VextRingPosition) {
    unsafe self.ring = unsafe ring
    self.position = position
  }

  /// The words of the next slot; each entry of the ring has `entryByteCount` bytes.
  @inlinable @inline(__always)
  func slot(_ entryByteCount: Int) -> VextSharedWords {
    unsafe VextSharedWords(base: ring + Int(position.index) &* entryByteCount)
  }

  /// What is in the next slot, whose entry carries the lap in the upper half of `word`.
  @inlinable @inline(__always)
  func state(_ word: UInt64) -> RingSlotState {
    let lap = UInt32(truncatingIfNeeded: word &>> 32)
    if lap == position.lap &- 1 { return .idle }
    return lap == position.lap ? .ready : .violation
  }
}

/// What a slot of a ring holds for its consumer.
@frozen @usableFromInline
enum RingSlotState {
  case idle
  case ready
  case violation
}

/// The result of polling the next slot.
@frozen
public enum VextRingPoll<Entry: BitwiseCopyable> {
  /// There is no new entry.
  case idle
  /// The entry, copied out of shared memory.
  case ready(Entry)
  /// The slot carries a lap that no correct producer writes.
  case violation
}
