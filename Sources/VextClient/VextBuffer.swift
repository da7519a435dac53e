/// A buffer of a ``VextBufferPool``, which returns to the pool at the end of its owner's life.
///
/// One thread at a time. While a request on the buffer is under way, the device owns the bytes.
@safe
public struct VextBuffer: ~Copyable, @unchecked Sendable {
  private let pool: VextBufferPool
  /// The bytes, valid for as long as this value lives.
  public let bytes: UnsafeMutableRawBufferPointer

  init(pool: VextBufferPool, bytes: UnsafeMutableRawBufferPointer) {
    self.pool = pool
    unsafe self.bytes = unsafe bytes
  }

  /// The requested size in bytes.
  public var byteCount: Int { unsafe bytes.count }

  deinit { unsafe pool.deallocate(bytes) }
}
