import SystemPackage

/// One thread's way to a ``BlockDevice``.
///
/// Only one thread at a time uses it. A request is complete when the call returns.
public protocol BlockQueue: AnyObject {
  /// Carries out one request. Throws the device's error, or `EIO`.
  func perform(_ request: BlockRequest) throws(Errno)

  /// Carries out requests that do not overlap, concurrently and in any order. Throws the first error after all have
  /// ended.
  func perform(_ requests: [BlockRequest]) throws(Errno)
}

extension BlockQueue {
  /// Makes all writes durable that were complete before the call.
  public func flush() throws(Errno) { try perform(BlockRequest(.flush)) }

  /// Discards a range, whose contents are no longer needed.
  public func discard(byteOffset: UInt64, byteCount: Int) throws(Errno) {
    try perform(BlockRequest(.discard, byteOffset: byteOffset, byteCount: byteCount))
  }
}
