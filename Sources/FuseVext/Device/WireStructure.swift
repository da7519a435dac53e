import CExt2

/// A number, or a structure of numbers, as it is on the disk or in a message of the kernel.
///
/// SAFETY: a type conforms only if it has a fixed size and no references, and if every sequence of bytes is a value of it; that is why
/// conformances are only here and in FuseConnection.swift. So any bytes can be read as one, and one can be read as bytes:
/// padding, if there is any, is bytes of no meaning. The functions below check that the bytes are there.
protocol WireStructure {}

/// A ``WireStructure`` that can be read from bytes. Unions are not `BitwiseCopyable` for Swift, nor are structures with unions.
typealias WireValue = WireStructure & BitwiseCopyable

extension UInt8: WireStructure {}
extension UInt16: WireStructure {}
extension UInt32: WireStructure {}
extension UInt64: WireStructure {}

extension ext2_super_block: WireStructure {}
extension ext2_inode_large: WireStructure {}

extension WireStructure {
  /// The number of bytes.
  static var byteCount: Int { MemoryLayout<Self>.size }

  /// Runs `body` with the bytes.
  func withBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe withUnsafeBytes(of: self) { (bytes) throws(Failure) in
      try unsafe body(bytes.assumingMemoryBound(to: UInt8.self).span)
    }
  }

  /// Copies of the bytes.
  var bytes: [UInt8] { unsafe withUnsafeBytes(of: self) { bytes in unsafe Array(bytes) } }

  /// Reads a number from the bytes at an offset, which lie inside.
  func field<Field: WireValue>(_ type: Field.Type = Field.self, at offset: Int) -> Field {
    withBytes { $0.load(type, at: offset) }
  }

  /// Copies of `count` bytes from an offset on, which lie inside.
  func bytes(at offset: Int, count: Int) -> [UInt8] {
    precondition(
      offset >= 0 && count >= 0 && offset <= Self.byteCount - count, "the bytes lie inside their structure")
    return unsafe withUnsafeBytes(of: self) { bytes in unsafe Array(bytes[offset..<offset + count]) }
  }

  /// Replaces the bytes at an offset, which lie inside, by those of a number.
  mutating func setField<Field: WireValue>(_ field: Field, at offset: Int) {
    precondition(
      offset >= 0 && offset <= Self.byteCount - Field.byteCount, "a field lies inside its structure")
    unsafe withUnsafeMutableBytes(of: &self) { target in
      unsafe target.storeBytes(of: field, toByteOffset: offset, as: Field.self)
    }
  }

  /// Replaces the bytes from an offset on, which lie inside.
  mutating func setBytes(_ bytes: [UInt8], at offset: Int) {
    precondition(
      offset >= 0 && offset <= Self.byteCount - bytes.count, "the bytes lie inside their structure")
    unsafe withUnsafeMutableBytes(of: &self) { target in
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + bytes.count])
        .copyBytes(from: bytes)
    }
  }
}

extension Span<UInt8> {
  /// Reads a number or a structure from the bytes at an offset, which lie inside.
  func load<Value: WireValue>(_ type: Value.Type = Value.self, at offset: Int = 0) -> Value {
    precondition(offset >= 0 && offset <= count - Value.byteCount, "a value lies inside its bytes")
    return unsafe withUnsafeBytes { bytes in
      unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
    }
  }
}
