import CURing

/// The file of a request: an open descriptor, or the place of a registered file.
@frozen
public struct IOUringFile: BitwiseCopyable, Sendable {
  @usableFromInline let number: Int32
  @usableFromInline let entryFlags: UInt8

  /// An open file.
  @inlinable @inline(__always)
  public init(descriptor: Int32) {
    number = descriptor
    entryFlags = 0
  }

  /// A file that was registered at `index` (``IOUring/registerFile(_:at:)``).
  @inlinable @inline(__always)
  public init(registeredAt index: Int) {
    number = Int32(truncatingIfNeeded: index)
    entryFlags = CURING_FIXED_FILE
  }
}
