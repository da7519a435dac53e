/// The properties of an open disk that the data path needs: a small value that each queue copies.
///
/// The descriptor belongs to a ``DiskImage``, which the holder of a handle must keep alive.
@safe
public struct DiskHandle: @unchecked Sendable {
  /// The descriptor of the open file.
  public let descriptor: Int32
  /// Size in bytes, a multiple of the block size.
  public let byteCount: UInt64
  /// Block size in bytes; offsets and lengths are multiples of it.
  public let blockByteCount: UInt32
  /// Whether the disk is open with O_DIRECT, which bypasses the host's page cache.
  public let isDirect: Bool
  /// Whether the disk refuses writes.
  public let isReadOnly: Bool
  /// Whether ranges can be given back to the host: a hole is punched, which reads as zero.
  public let canDiscard: Bool
  /// The disk in an image that is not raw; nil for raw ones.
  // SAFETY: the object belongs to the `DiskImage` too, which outlives the handle's requests.
  let formatted: Unmanaged<QcowDisk>?

  /// Whether the image is not raw, so that other threads than the engine's carry out its requests, in any number.
  var isFormatted: Bool { unsafe formatted != nil }

  /// The disk's bytes, for the engine `memory`; nil: they are in a file.
  let memory: UnsafeMutableRawPointer?

  /// Whether `offset ..< offset + length` lies within the disk and does not wrap around 2^64.
  @inlinable @inline(__always)
  public func contains(offset: UInt64, byteCount length: UInt64) -> Bool {
    offset <= byteCount && length <= byteCount &- offset
  }

  /// Whether `value` is a multiple of the block size.
  @inlinable @inline(__always)
  public func isAligned(_ value: UInt64) -> Bool { value & UInt64(blockByteCount &- 1) == 0 }
}
