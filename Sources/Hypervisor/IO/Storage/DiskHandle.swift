/// What a data path needs to know of an open disk: a small value, copied into each queue.
///
/// The descriptor belongs to a ``DiskImage``, which whoever holds a handle keeps alive.
public struct DiskHandle: Sendable {
  /// The open file.
  public let descriptor: Int32
  /// Size in bytes, a multiple of the block.
  public let byteCount: UInt64
  /// Offsets and lengths are multiples of this, in bytes.
  public let blockByteCount: UInt32
  /// Whether O_DIRECT is in force: the host's page cache is not used.
  public let isDirect: Bool
  /// Writes are refused.
  public let isReadOnly: Bool

  /// Whether `offset ..< offset + length` lies within the disk and does not wrap around 2^64.
  @inlinable @inline(__always)
  public func contains(offset: UInt64, byteCount length: UInt64) -> Bool {
    offset <= byteCount && length <= byteCount &- offset
  }

  /// Whether `value` is a multiple of the block.
  @inlinable @inline(__always)
  public func isAligned(_ value: UInt64) -> Bool { value & UInt64(blockByteCount &- 1) == 0 }
}
