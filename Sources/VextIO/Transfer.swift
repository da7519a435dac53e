/// The transfer of `vext-io read` or `vext-io write`.
struct Transfer: Sendable {
  enum Operation: Sendable {
    case read
    case write
  }

  let operation: Operation
  /// The start of the range on the disk, and its length, in bytes.
  let offset: UInt64
  let byteCount: UInt64
  /// Size of a request in bytes; the last request of the range has the rest.
  let blockByteCount: Int
  /// Requests in flight at once, for each queue.
  let depth: Int
  let queueCount: Int
  let repetitions: Int
  /// Whether the buffers are outside of the pool.
  let isCopied: Bool
  /// The seed of the pattern to write or to compare with.
  let pattern: UInt64?

  /// Requests that cover the range.
  var blockCount: UInt64 { (byteCount + UInt64(blockByteCount) - 1) / UInt64(blockByteCount) }

  /// The start of request `index` on the disk, and its length, in bytes.
  func block(_ index: UInt64) -> (offset: UInt64, byteCount: Int) {
    let start = index * UInt64(blockByteCount)
    return (offset + start, Int(min(UInt64(blockByteCount), byteCount - start)))
  }
}
