/// The device's end of a completion ring. Only the thread that owns the queue may use it.
///
/// A slot is always free, because a driver has at most `depth` requests whose completions it has not consumed. A driver
/// that breaks this rule overwrites its own completions and no others.
@safe @frozen
public struct VextCompletionProducer {
  // SAFETY: the initializer's caller promises a mapped ring; ``RingEnd`` keeps each access within one of its slots.
  @usableFromInline var end: RingEnd

  /// Starts at the first slot of a ring of `depth` entries at `ring`, 16-byte aligned, which must stay mapped.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) { end = unsafe RingEnd(ring: ring, depth: depth) }

  /// Continues the ring at `ring` from `position`, for a device that takes over from another.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, position: VextRingPosition) {
    end = unsafe RingEnd(ring: ring, position: position)
  }

  /// A number that differs after each completion.
  @inlinable @inline(__always)
  public var sequence: UInt64 { UInt64(end.position.lap) &<< 32 | UInt64(end.position.index) }

  /// Writes a completion and announces it.
  ///
  /// The release store of the second word pairs with the acquire load in ``VextCompletionConsumer/poll()``.
  @inlinable @inline(__always)
  public mutating func push(_ entry: VextCompletionEntry) {
    let slot = unsafe end.slot(VextCompletionEntry.encodedByteCount)
    unsafe slot.store(0, entry.byteCount)
    let second = UInt64(entry.status) | UInt64(entry.id) &<< 16 | UInt64(end.position.lap) &<< 32
    unsafe slot.storeReleasing(1, second)
    end.position.advance()
  }
}

/// The guest's end of a completion ring. Only the thread that owns the queue may use it.
@safe @frozen
public struct VextCompletionConsumer {
  // SAFETY: the initializer's caller promises a mapped ring; ``RingEnd`` keeps each access within one of its slots.
  @usableFromInline var end: RingEnd

  /// Starts at the first slot of a ring of `depth` zeroed entries at `ring`, 16-byte aligned.
  @inlinable @inline(__always)
  public init(ring: UnsafeMutableRawPointer, depth: UInt32) { end = unsafe RingEnd(ring: ring, depth: depth) }

  /// Whether the next slot has no completion yet.
  @inlinable @inline(__always)
  public var isIdle: Bool {
    end.state(unsafe end.slot(VextCompletionEntry.encodedByteCount).loadAcquiring(1)) == .idle
  }

  /// Polls the next slot, and copies the completion out if there is one.
  @inlinable @inline(__always)
  public mutating func poll() -> VextRingPoll<VextCompletionEntry> {
    let slot = unsafe end.slot(VextCompletionEntry.encodedByteCount)
    let second = unsafe slot.loadAcquiring(1)
    switch end.state(second) {
    case .idle: return .idle
    case .violation: return .violation
    case .ready: break
    }
    var entry = unsafe VextCompletionEntry(
      id: UInt16(truncatingIfNeeded: second &>> 16), status: UInt16(truncatingIfNeeded: second),
      byteCount: slot.load(0))
    entry.lap = end.position.lap
    end.position.advance()
    return .ready(entry)
  }
}
