/// A request to a ``BlockQueue``.
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
  // Not a BlockMemory?, which costs calls to copy.
  private let buffer: BlockBuffer?
  private let bufferOffset: Int

  /// Makes a read or a write.
  public init(_ operation: Operation, byteOffset: UInt64, memory: BlockMemory) {
    self.operation = operation
    self.byteOffset = byteOffset
    byteCount = memory.count
    buffer = memory.buffer
    bufferOffset = memory.offset
  }

  /// Makes a flush or a discard.
  public init(_ operation: Operation, byteOffset: UInt64 = 0, byteCount: Int = 0) {
    self.operation = operation
    self.byteOffset = byteOffset
    self.byteCount = byteCount
    buffer = nil
    bufferOffset = 0
  }

  /// `byteCount` bytes; nil for a flush and a discard. A write does not change them.
  public var memory: BlockMemory? {
    guard let buffer else { return nil }
    return BlockMemory(buffer, offset: bufferOffset, count: byteCount)
  }

  /// The read or write of the rest after the first `count` bytes.
  func dropping(_ count: Int) -> BlockRequest {
    let rest = byteOffset + UInt64(count)
    guard let memory else { return BlockRequest(operation, byteOffset: rest, byteCount: byteCount - count) }
    return BlockRequest(operation, byteOffset: rest, memory: memory.slice(count, byteCount - count))
  }

  /// The same request at an offset that is larger by `distance`.
  func moved(by distance: UInt64) -> BlockRequest {
    guard let memory else {
      return BlockRequest(operation, byteOffset: byteOffset + distance, byteCount: byteCount)
    }
    return BlockRequest(operation, byteOffset: byteOffset + distance, memory: memory)
  }
}
