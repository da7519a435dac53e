/// The guest's end of a submission ring. Only the thread that owns the queue may use it.
///
/// The driver may push while it has fewer requests in flight than the queue's depth, because a slot is free then.
@safe @frozen
public struct VextSubmissionProducer {
  // SAFETY: the initializer's caller promises a mapped ring; ``RingEnd`` keeps each access within one of its slots.
  @usableFromInline var end: RingEnd

  /// Starts at the first slot of a ring of `depth` zeroed entries at `ring`, 64-byte aligned.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) { end = unsafe RingEnd(ring: ring, depth: depth) }

  /// Writes an entry and announces it.
  ///
  /// The release store of the first word pairs with the acquire load in ``VextSubmissionConsumer/poll()``.
  @inlinable @inline(__always)
  public mutating func push(_ entry: VextSubmissionEntry) {
    let slot = unsafe end.slot(VextSubmissionEntry.encodedByteCount)
    unsafe slot.store(1, entry.offset)
    unsafe slot.store(2, entry.length)
    unsafe slot.store(3, entry.segment0.address.rawValue)
    unsafe slot.store(4, UInt64(entry.segment0.byteCount) | UInt64(entry.segment0.reserved) &<< 32)
    unsafe slot.store(5, entry.segment1.address.rawValue)
    unsafe slot.store(6, UInt64(entry.segment1.byteCount) | UInt64(entry.segment1.reserved) &<< 32)
    unsafe slot.store(7, entry.reserved)
    let first =
      UInt64(entry.operation) | UInt64(entry.flags.rawValue) &<< 8 | UInt64(entry.id) &<< 16
      | UInt64(end.position.lap) &<< 32
    unsafe slot.storeReleasing(0, first)
    end.position.advance()
  }
}

/// The device's end of a submission ring. Only the thread that owns the queue may use it.
@safe @frozen
public struct VextSubmissionConsumer {
  // SAFETY: the initializer's caller promises a mapped ring; ``RingEnd`` keeps each access within one of its slots.
  @usableFromInline var end: RingEnd

  /// Starts at the first slot of a ring of `depth` entries at `ring`, 64-byte aligned, which must stay mapped.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) { end = unsafe RingEnd(ring: ring, depth: depth) }

  /// Continues the ring at `ring` from `position`, for a device that takes over from another.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, position: VextRingPosition) {
    end = unsafe RingEnd(ring: ring, position: position)
  }

  /// The slot of the next entry, for messages.
  @inlinable @inline(__always)
  public var nextIndex: UInt32 { end.position.index }

  /// Whether the next slot has no entry yet; false also if it holds a value that no correct producer writes.
  @inlinable @inline(__always)
  public var isIdle: Bool {
    end.state(unsafe end.slot(VextSubmissionEntry.encodedByteCount).loadAcquiring(0)) == .idle
  }

  /// Polls the next slot, and copies the entry out if there is one, reading each word once.
  @inlinable @inline(__always)
  public mutating func poll() -> VextRingPoll<VextSubmissionEntry> {
    let slot = unsafe end.slot(VextSubmissionEntry.encodedByteCount)
    let first = unsafe slot.loadAcquiring(0)
    switch end.state(first) {
    case .idle: return .idle
    case .violation: return .violation
    case .ready: break
    }
    let count0 = unsafe slot.load(4)
    let count1 = unsafe slot.load(6)
    var segment0 = unsafe VextSegment(
      address: GuestAddress(slot.load(3)), byteCount: UInt32(truncatingIfNeeded: count0))
    var segment1 = unsafe VextSegment(
      address: GuestAddress(slot.load(5)), byteCount: UInt32(truncatingIfNeeded: count1))
    segment0.reserved = UInt32(truncatingIfNeeded: count0 &>> 32)
    segment1.reserved = UInt32(truncatingIfNeeded: count1 &>> 32)
    var entry = unsafe VextSubmissionEntry(
      operation: UInt8(truncatingIfNeeded: first),
      flags: VextSubmissionFlags(rawValue: UInt8(truncatingIfNeeded: first &>> 8)),
      id: UInt16(truncatingIfNeeded: first &>> 16),
      offset: slot.load(1), length: slot.load(2), segment0: segment0, segment1: segment1)
    entry.lap = end.position.lap
    entry.reserved = unsafe slot.load(7)
    end.position.advance()
    return .ready(entry)
  }
}
