import Glibc

/// The properties of an open disk that the data path needs: a small value that each queue copies.
///
/// The descriptor belongs to a ``DiskImage``, which the holder of a handle must keep alive.
@safe
public struct DiskHandle: @unchecked Sendable {
  // SAFETY: the image and the memory below belong to the `DiskImage`, which outlives the handle's requests.
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
  private let formatted: Unmanaged<QcowDisk>?

  /// Whether the image is not raw, so that other threads than the engine's carry out its requests, in any number.
  var isFormatted: Bool { unsafe formatted != nil }

  /// The disk's bytes, for the engine `memory`; nil: they are in a file.
  private let memory: UnsafeMutableRawPointer?

  init(
    descriptor: Int32, byteCount: UInt64, blockByteCount: UInt32, isDirect: Bool, isReadOnly: Bool,
    canDiscard: Bool, formatted: QcowDisk? = nil, memory: MemoryDisk? = nil
  ) {
    self.descriptor = descriptor
    self.byteCount = byteCount
    self.blockByteCount = blockByteCount
    self.isDirect = isDirect
    self.isReadOnly = isReadOnly
    self.canDiscard = canDiscard
    unsafe self.formatted = formatted.map { unsafe .passUnretained($0) }
    precondition(memory.map { $0.bytes.byteCount >= byteCount } ?? true, "the memory has the whole disk")
    unsafe self.memory = memory?.bytes.base
  }

  /// A run of the disk's bytes in memory; nil for a disk that is not in memory, or a run that is not wholly on it.
  @inline(__always)
  func memory(at offset: UInt64, byteCount length: UInt64) -> IOVector? {
    guard let memory = unsafe memory, contains(offset: offset, byteCount: length) else { return nil }
    return unsafe IOVector(base: memory + Int(offset), byteCount: Int(length))
  }

  /// Leaves a request to the threads of the image, which is not raw.
  func startFormatted(_ request: BlockingThreads.Request) {
    unsafe formatted?._withUnsafeGuaranteedRef { $0.start(request) }
  }

  /// Carries a request out on the calling thread; EIO for a raw image.
  ///
  /// - Returns: number of bytes moved or of the range, or -errno.
  func performFormatted(
    _ operation: BlockOperation, vectors: IOVectors, offset: UInt64, byteCount: UInt64
  ) -> Int64 {
    unsafe formatted?._withUnsafeGuaranteedRef {
      $0.perform(operation, vectors: vectors, offset: offset, byteCount: byteCount)
    } ?? -Int64(EIO)
  }

  /// Whether `offset ..< offset + length` lies within the disk and does not wrap around 2^64.
  @inlinable @inline(__always)
  public func contains(offset: UInt64, byteCount length: UInt64) -> Bool {
    offset <= byteCount && length <= byteCount &- offset
  }

  /// Whether `value` is a multiple of the block size.
  @inlinable @inline(__always)
  public func isAligned(_ value: UInt64) -> Bool { value & UInt64(blockByteCount &- 1) == 0 }
}
