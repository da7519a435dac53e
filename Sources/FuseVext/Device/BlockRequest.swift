/// A request to a ``BlockQueue``.
@safe
public struct BlockRequest {
  /// What to do.
  public enum Operation: Sendable {
    /// Device to memory.
    case read
    /// Memory to device.
    case write
    /// Completed writes to stable storage; no range, no memory.
    case flush
    /// The range's contents are of no interest; no memory.
    case discard
  }

  /// What to do.
  public let operation: Operation
  /// Where on the device, in bytes.
  public let byteOffset: UInt64
  /// The length in bytes.
  public let byteCount: Int
  /// `byteCount` bytes; nil for a flush and a discard. A write does not change them.
  public let memory: UnsafeMutableRawPointer?

  /// A read or a write.
  public init(_ operation: Operation, byteOffset: UInt64, memory: UnsafeMutableRawBufferPointer) {
    self.operation = operation
    self.byteOffset = byteOffset
    byteCount = memory.count
    unsafe self.memory = memory.baseAddress
  }

  /// A flush or a discard.
  public init(_ operation: Operation, byteOffset: UInt64 = 0, byteCount: Int = 0) {
    self.operation = operation
    self.byteOffset = byteOffset
    self.byteCount = byteCount
    unsafe memory = nil
  }

  /// The read or write of what comes after the first `count` bytes, at most all of them.
  func dropping(_ count: Int) -> BlockRequest {
    // SAFETY: the rest of the request's own memory.
    unsafe BlockRequest(
      operation, byteOffset: byteOffset + UInt64(count),
      memory: UnsafeMutableRawBufferPointer(start: memory?.advanced(by: count), count: byteCount - count))
  }

  /// The same request further on.
  func moved(by distance: UInt64) -> BlockRequest {
    guard let memory = unsafe memory else {
      return BlockRequest(operation, byteOffset: byteOffset + distance, byteCount: byteCount)
    }
    // SAFETY: the request's own memory.
    return unsafe BlockRequest(
      operation, byteOffset: byteOffset + distance,
      memory: UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
  }
}
