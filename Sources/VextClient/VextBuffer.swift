/// A buffer of a ``VextBufferPool`` with one owner, given back when its owner goes away.
///
/// One thread at a time; while a request on it is under way, the device owns the bytes.
@safe
public struct VextBuffer: ~Copyable, @unchecked Sendable {
  private let pool: VextBufferPool
  /// The bytes, valid for as long as this value lives.
  public let bytes: UnsafeMutableRawBufferPointer

  init(pool: VextBufferPool, bytes: UnsafeMutableRawBufferPointer) {
    self.pool = pool
    unsafe self.bytes = unsafe bytes
  }

  /// The size that was asked for, in bytes.
  public var byteCount: Int { unsafe bytes.count }

  deinit { unsafe pool.deallocate(bytes) }
}
