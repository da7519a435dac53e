import SystemPackage

/// One thread's way to a ``BlockDevice``.
///
/// Only one thread at a time uses it. A request is complete when the call returns.
public protocol BlockQueue: AnyObject {
  /// Does one request. Throws what the device says, `EIO` where it says nothing of use.
  func perform(_ request: BlockRequest) throws(Errno)

  /// Does requests that do not overlap, several in flight, in any order; throws the first error after all have ended.
  func perform(_ requests: [BlockRequest]) throws(Errno)
}

extension BlockQueue {
  /// Makes all writes that were complete before the call durable.
  public func flush() throws(Errno) { try perform(BlockRequest(.flush)) }

  /// Tells the device that the contents of a range are of no interest.
  public func discard(byteOffset: UInt64, byteCount: Int) throws(Errno) {
    try perform(BlockRequest(.discard, byteOffset: byteOffset, byteCount: byteCount))
  }
}
