import Synchronization

/// A run of 64-bit words in memory that guest and host access at the same time.
///
/// Every access is atomic: relaxed for payload, acquire and release for a word that announces others. No reference into
/// the memory ever escapes.
@unsafe @frozen
public struct VextSharedWords {
  @usableFromInline let base: UnsafeMutableRawPointer

  /// The words that start at `base`, which must be 8-byte aligned and stay mapped while this value is in use.
  @inlinable @inline(__always)
  public init(base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

  @inlinable @inline(__always)
  func word(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    // SAFETY: the caller stays within the run that the initializer's caller promised.
    unsafe (base + index &* 8).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// Reads payload: ordered only by an earlier ``loadAcquiring(_:)``.
  @inlinable @inline(__always)
  public func load(_ index: Int) -> UInt64 { unsafe word(index).pointee.load(ordering: .relaxed) }

  /// Writes payload: made visible by a later ``storeReleasing(_:_:)``.
  @inlinable @inline(__always)
  public func store(_ index: Int, _ value: UInt64) {
    unsafe word(index).pointee.store(value, ordering: .relaxed)
  }

  /// Reads an announcement; pairs with ``storeReleasing(_:_:)`` on the other side.
  @inlinable @inline(__always)
  public func loadAcquiring(_ index: Int) -> UInt64 { unsafe word(index).pointee.load(ordering: .acquiring) }

  /// Announces what was stored before; pairs with ``loadAcquiring(_:)`` on the other side.
  @inlinable @inline(__always)
  public func storeReleasing(_ index: Int, _ value: UInt64) {
    unsafe word(index).pointee.store(value, ordering: .releasing)
  }
}
