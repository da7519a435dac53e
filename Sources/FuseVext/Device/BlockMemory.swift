/// A part of a ``BlockBuffer``, which lives as long as the parts of it do.
public struct BlockMemory {
  let buffer: BlockBuffer
  let offset: Int
  /// The length in bytes.
  public let count: Int

  /// A range that lies inside the buffer.
  init(_ buffer: BlockBuffer, offset: Int, count: Int) {
    self.buffer = buffer
    self.offset = offset
    self.count = count
  }

  /// Whether there are no bytes.
  public var isEmpty: Bool { count == 0 }

  /// A part of this one; the range must lie inside.
  public func slice(_ offset: Int, _ count: Int) -> BlockMemory {
    precondition(offset >= 0 && count >= 0 && offset <= self.count - count, "a slice lies inside its memory")
    return BlockMemory(buffer, offset: self.offset + offset, count: count)
  }

  /// Copies of the bytes.
  public var bytes: [UInt8] { buffer.bytes(offset, count) }

  /// Runs `body` with the bytes.
  public func withBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try buffer.withBytes(offset, count, body)
  }

  /// Sets all bytes.
  public func fill(with byte: UInt8) { buffer.fill(offset, count, with: byte) }

  /// Sets the first bytes to those of `source`, which has no more bytes than this memory.
  public func copy(from source: BlockMemory) {
    precondition(source.count <= count, "a copy stays inside its target")
    buffer.copy(from: source, to: offset)
  }

  /// Sets the first bytes to those of `source`, which has no more bytes than this memory.
  public func copy(from source: Span<UInt8>) {
    precondition(source.count <= count, "a copy stays inside its target")
    buffer.copy(from: source, to: offset)
  }

  /// Sets the first bytes to `source`, which has no more bytes than this memory.
  public func copy(from source: [UInt8]) { copy(from: source.span) }

  /// Reads a number or a structure; its bytes must lie inside.
  func load<Value: WireValue>(_ type: Value.Type = Value.self, at position: Int = 0) -> Value {
    precondition(
      position >= 0 && position <= count - MemoryLayout<Value>.size, "a value lies inside its memory")
    return buffer.withBytes(offset + position, MemoryLayout<Value>.size) { $0.load(type) }
  }

  /// Writes a number or a structure; its bytes must lie inside.
  func store<Value: WireValue>(_ value: Value, at position: Int = 0) {
    precondition(
      position >= 0 && position <= count - MemoryLayout<Value>.size, "a value lies inside its memory")
    value.withBytes { buffer.copy(from: $0, to: offset + position) }
  }

  /// Whether the address of the first byte is a multiple of `alignment`.
  func isAligned(to alignment: Int) -> Bool { buffer.isAligned(offset, to: alignment) }
}
