/// The device's end of a completion ring. Only the thread that owns the queue may use it.
///
/// A slot is always free, because a driver has at most `depth` requests whose completions it has not consumed. A driver
/// that breaks this rule overwrites its own completions and no others.
@unsafe @frozen
public struct CompletionProducer {
  @usableFromInline let ring: UnsafeMutableRawPointer
  @usableFromInline var position: RingPosition

  /// Starts at the first slot of a ring of `depth` entries at `ring`, 16-byte aligned, which must stay mapped.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) {
    unsafe self.ring = unsafe ring
    unsafe self.position = RingPosition(depth: depth)
  }

  /// A number that differs after each completion.
  @inlinable @inline(__always)
  public var sequence: UInt64 { unsafe UInt64(position.lap) &<< 32 | UInt64(position.index) }

  /// Writes a completion and announces it.
  ///
  /// The release store of the second word pairs with the acquire load in ``CompletionConsumer/poll()``.
  @inlinable @inline(__always)
  public mutating func push(_ entry: CompletionEntry) {
    // SAFETY: the index is masked, so the slot lies within the ring that the initializer was given.
    let slot = unsafe SharedWords(base: ring + Int(position.index) &* CompletionEntry.encodedByteCount)
    unsafe slot.store(0, entry.byteCount)
    let second =
      unsafe UInt64(entry.status) | UInt64(entry.id) &<< 16 | UInt64(position.lap) &<< 32
    unsafe slot.storeReleasing(1, second)
    unsafe position.advance()
  }
}

/// The guest's end of a completion ring. Only the thread that owns the queue may use it.
@unsafe @frozen
public struct CompletionConsumer {
  @usableFromInline let ring: UnsafeMutableRawPointer
  @usableFromInline var position: RingPosition

  /// Starts at the first slot of a ring of `depth` zeroed entries at `ring`, 16-byte aligned.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) {
    unsafe self.ring = unsafe ring
    unsafe self.position = RingPosition(depth: depth)
  }

  /// Whether the next slot has no completion yet.
  @inlinable @inline(__always)
  public var isIdle: Bool {
    // SAFETY: the index is masked, so the slot lies within the ring that the initializer was given.
    let slot = unsafe SharedWords(base: ring + Int(position.index) &* CompletionEntry.encodedByteCount)
    return unsafe UInt32(truncatingIfNeeded: slot.loadAcquiring(1) &>> 32) == position.lap &- 1
  }

  /// Polls the next slot, and copies the completion out if there is one.
  @inlinable @inline(__always)
  public mutating func poll() -> RingPoll<CompletionEntry> {
    // SAFETY: the index is masked, so the slot lies within the ring that the initializer was given.
    let slot = unsafe SharedWords(base: ring + Int(position.index) &* CompletionEntry.encodedByteCount)
    let second = unsafe slot.loadAcquiring(1)
    let lap = UInt32(truncatingIfNeeded: second &>> 32)
    if unsafe lap == position.lap &- 1 { return .idle }
    if unsafe lap != position.lap { return .violation }
    var entry = unsafe CompletionEntry(
      id: UInt16(truncatingIfNeeded: second &>> 16), status: UInt16(truncatingIfNeeded: second),
      byteCount: slot.load(0))
    entry.lap = lap
    unsafe position.advance()
    return .ready(entry)
  }
}
