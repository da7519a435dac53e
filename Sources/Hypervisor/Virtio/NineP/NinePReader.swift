import SystemPackage

/// Takes the fields of one request out of the server's copy of it, in order. All numbers are little-endian.
///
/// Every method throws EPROTO where the message ends before the field does.
struct NinePReader {
  private let buffer: HostBuffer
  private var end: Int
  private(set) var offset = 0

  /// - Parameter byteCount: number of bytes of `buffer` that are the message.
  init(_ buffer: HostBuffer, byteCount: Int) {
    self.buffer = buffer
    end = byteCount
  }

  /// Sets where the message ends: `byteCount` bytes of the buffer are there.
  mutating func setEnd(_ byteCount: Int) { end = byteCount }

  /// The next number.
  mutating func number<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type = Value.self
  ) throws(Errno) -> Value {
    let byteCount = MemoryLayout<Value>.size
    guard byteCount <= end - offset else { throw .protocolError }
    defer { offset += byteCount }
    return buffer.loadLittleEndian(Value.self, at: offset)
  }

  /// The next string: a 16-bit length and as many bytes.
  mutating func string() throws(Errno) -> NinePString {
    let byteCount = Int(try number(UInt16.self))
    guard byteCount <= end - offset else { throw .protocolError }
    defer { offset += byteCount }
    return NinePString(bytes: buffer.bytes(offset..<offset + byteCount))
  }
}

/// The header of every message: size[4] type[1] tag[2].
struct NinePHeader {
  /// Bytes of the message, these seven included.
  var byteCount: UInt32 = 0
  var type: UInt8 = 0
  var tag = NinePProtocol.noTag

  /// Makes the header of a message that is too short to have one.
  init() {}

  init(_ reader: inout NinePReader) throws(Errno) {
    byteCount = try reader.number()
    type = try reader.number()
    tag = try reader.number()
  }
}
