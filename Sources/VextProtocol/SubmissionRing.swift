/// The guest's end of a submission ring. Only the thread that owns the queue may use it.
///
/// The driver may push while it has fewer requests in flight than the queue's depth, because a slot is free then.
@unsafe @frozen
public struct SubmissionProducer {
  @usableFromInline let ring: UnsafeMutableRawPointer
  @usableFromInline var position: RingPosition

  /// Starts at the first slot of a ring of `depth` zeroed entries at `ring`, 64-byte aligned.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) {
    unsafe self.ring = unsafe ring
    unsafe self.position = RingPosition(depth: depth)
  }

  /// Writes an entry and announces it.
  ///
  /// The release store of the first word pairs with the acquire load in ``SubmissionConsumer/poll()``.
  @inlinable @inline(__always)
  public mutating func push(_ entry: SubmissionEntry) {
    // SAFETY: the index is masked, so the slot lies within the ring that the initializer was given.
    let slot = unsafe SharedWords(base: ring + Int(position.index) &* SubmissionEntry.encodedByteCount)
    unsafe slot.store(1, entry.offset)
    unsafe slot.store(2, entry.length)
    unsafe slot.store(3, entry.segment0.address.rawValue)
    unsafe slot.store(4, UInt64(entry.segment0.byteCount) | UInt64(entry.segment0.reserved) &<< 32)
    unsafe slot.store(5, entry.segment1.address.rawValue)
    unsafe slot.store(6, UInt64(entry.segment1.byteCount) | UInt64(entry.segment1.reserved) &<< 32)
    unsafe slot.store(7, entry.reserved)
    let first =
      unsafe UInt64(entry.operation) | UInt64(entry.flags.rawValue) &<< 8 | UInt64(entry.id) &<< 16
      | UInt64(position.lap) &<< 32
    unsafe slot.storeReleasing(0, first)
    unsafe position.advance()
  }
}

/// The device's end of a submission ring. Only the thread that owns the queue may use it.
@unsafe @frozen
public struct SubmissionConsumer {
  @usableFromInline let ring: UnsafeMutableRawPointer
  @usableFromInline var position: RingPosition

  /// Starts at the first slot of a ring of `depth` entries at `ring`, 64-byte aligned, which must stay mapped.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) {
    unsafe self.ring = unsafe ring
    unsafe self.position = RingPosition(depth: depth)
  }

  /// The slot of the next entry, for messages.
  @inlinable @inline(__always)
  public var nextIndex: UInt32 { unsafe position.index }

  /// Whether the next slot has no entry yet; false also if it holds a value that no correct producer writes.
  @inlinable @inline(__always)
  public var isIdle: Bool {
    // SAFETY: the index is masked, so the slot lies within the ring that the initializer was given.
    let slot = unsafe SharedWords(base: ring + Int(position.index) &* SubmissionEntry.encodedByteCount)
    return unsafe UInt32(truncatingIfNeeded: slot.loadAcquiring(0) &>> 32) == position.lap &- 1
  }

  /// Polls the next slot, and copies the entry out if there is one, reading each word once.
  @inlinable @inline(__always)
  public mutating func poll() -> RingPoll<SubmissionEntry> {
    // SAFETY: the index is masked, so the slot lies within the ring that the initializer was given.
    let slot = unsafe SharedWords(base: ring + Int(position.index) &* SubmissionEntry.encodedByteCount)
    let first = unsafe slot.loadAcquiring(0)
    let lap = UInt32(truncatingIfNeeded: first &>> 32)
    if unsafe lap == position.lap &- 1 { return .idle }
    if unsafe lap != position.lap { return .violation }
    let count0 = unsafe slot.load(4)
    let count1 = unsafe slot.load(6)
    var segment0 = unsafe VextSegment(
      address: GuestAddress(slot.load(3)), byteCount: UInt32(truncatingIfNeeded: count0))
    var segment1 = unsafe VextSegment(
      address: GuestAddress(slot.load(5)), byteCount: UInt32(truncatingIfNeeded: count1))
    segment0.reserved = UInt32(truncatingIfNeeded: count0 &>> 32)
    segment1.reserved = UInt32(truncatingIfNeeded: count1 &>> 32)
    var entry = unsafe SubmissionEntry(
      operation: UInt8(truncatingIfNeeded: first),
      flags: SubmissionFlags(rawValue: UInt8(truncatingIfNeeded: first &>> 8)),
      id: UInt16(truncatingIfNeeded: first &>> 16),
      offset: slot.load(1), length: slot.load(2), segment0: segment0, segment1: segment1)
    entry.lap = lap
    entry.reserved = unsafe slot.load(7)
    unsafe position.advance()
    return .ready(entry)
  }
}
