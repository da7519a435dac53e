/// A request to a ``BlockQueue``.
@safe
public struct BlockRequest {
  /// The operation.
  public enum Operation: Sendable {
    /// Reads from the device to memory.
    case read
    /// Writes from memory to the device.
    case write
    /// Brings completed writes to stable storage; has neither range nor memory.
    case flush
    /// Discards the range; has no memory.
    case discard
  }

  /// The operation.
  public let operation: Operation
  /// The position on the device in bytes.
  public let byteOffset: UInt64
  /// The length in bytes.
  public let byteCount: Int
  /// `byteCount` bytes; nil for a flush and a discard. A write does not change them.
  public let memory: UnsafeMutableRawPointer?

  /// Makes a read or a write.
  public init(_ operation: Operation, byteOffset: UInt64, memory: UnsafeMutableRawBufferPointer) {
    self.operation = operation
    self.byteOffset = byteOffset
    byteCount = memory.count
    unsafe self.memory = memory.baseAddress
  }

  /// Makes a flush or a discard.
  public init(_ operation: Operation, byteOffset: UInt64 = 0, byteCount: Int = 0) {
    self.operation = operation
    self.byteOffset = byteOffset
    self.byteCount = byteCount
    unsafe memory = nil
  }

  /// The read or write of the rest after the first `count` bytes.
  func dropping(_ count: Int) -> BlockRequest {
    // SAFETY: the rest of the request's own memory.
    unsafe BlockRequest(
      operation, byteOffset: byteOffset + UInt64(count),
      memory: UnsafeMutableRawBufferPointer(start: memory?.advanced(by: count), count: byteCount - count))
  }

  /// The same request at an offset that is larger by `distance`.
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
