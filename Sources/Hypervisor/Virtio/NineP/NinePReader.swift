import CLinux
import SystemPackage

/// Takes the fields of one request out of the server's copy of it, in order. All numbers are little-endian.
///
/// Every method throws EPROTO where the message ends before the field does.
@safe
struct NinePReader {
  private let base: UnsafeMutableRawPointer
  private var end: Int
  private(set) var offset = 0

  /// - Parameter byteCount: what `base` has; it stays there, untouched by others, while the reader is used.
  init(_ base: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.base = unsafe base
    end = byteCount
  }

  /// Sets where the message ends: `byteCount` bytes of `base` are there.
  mutating func setEnd(_ byteCount: Int) { end = byteCount }

  /// The next number.
  mutating func number<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type = Value.self
  ) throws(Errno) -> Value {
    let byteCount = MemoryLayout<Value>.size
    guard byteCount <= end - offset else { throw .protocolError }
    defer { offset += byteCount }
    // SAFETY: offset + byteCount <= end.
    return unsafe Value(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  /// The next string: a 16-bit length and as many bytes.
  mutating func string() throws(Errno) -> NinePString {
    let byteCount = Int(try number(UInt16.self))
    guard byteCount <= end - offset else { throw .protocolError }
    // The bytes move over their length, which has been read: so the zero behind them spoils no other field.
    // SAFETY: two bytes of length lie before the offset, and offset + byteCount <= end.
    let start = unsafe base + (offset - MemoryLayout<UInt16>.size)
    unsafe memmove(start, base + offset, byteCount)
    unsafe (start + byteCount).storeBytes(of: 0, as: UInt8.self)
    offset += byteCount
    return unsafe NinePString(pointer: start.assumingMemoryBound(to: CChar.self), byteCount: byteCount)
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
