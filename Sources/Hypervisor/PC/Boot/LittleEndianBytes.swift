/// Bytes of a file's header or of a table for the guest, with little-endian integers at any alignment.
struct LittleEndianBytes: Equatable {
  private(set) var bytes: [UInt8]

  init(_ bytes: [UInt8] = []) { self.bytes = bytes }
  /// The bytes of integers, one behind the other.
  init<Value: FixedWidthInteger>(encoding values: [Value]) {
    bytes = []
    for value in values { append(value) }
  }
  init(zeroes byteCount: Int) { bytes = [UInt8](repeating: 0, count: byteCount) }

  var count: Int { bytes.count }

  /// The integer at `offset`; nil unless all of it lies within the bytes.
  func load<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value? {
    let byteCount = Value.bitWidth / 8
    guard offset >= 0, bytes.count >= byteCount, offset <= bytes.count - byteCount else { return nil }
    return bytes[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
  }

  /// Whether `text` is at `offset`, byte by byte.
  func holds(_ text: String, at offset: Int) -> Bool {
    offset >= 0 && bytes.dropFirst(offset).starts(with: text.utf8)
  }

  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }

  mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  /// Appends `text`, cut or padded with `padding` to `byteCount`.
  mutating func append(_ text: String, byteCount: Int, padding: UInt8 = 0x20) {
    let ascii = Array(text.utf8.prefix(byteCount))
    bytes += ascii + [UInt8](repeating: padding, count: byteCount - ascii.count)
  }

  mutating func appendZeroes(_ byteCount: Int) { bytes += [UInt8](repeating: 0, count: byteCount) }

  /// Overwrites the integer at `offset`, which must lie within the bytes.
  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<Value.bitWidth / 8 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> Value(index * 8))
    }
  }

  /// Overwrites the bytes at `offset`; all of `other` must lie within the bytes.
  mutating func set(_ other: some Collection<UInt8>, at offset: Int) {
    bytes.replaceSubrange(offset..<offset + other.count, with: other)
  }

  /// Sets the byte at `offset` so that the sum of all bytes before `end` is zero.
  mutating func setChecksum(at offset: Int, through end: Int? = nil) {
    bytes[offset] = 0
    bytes[offset] = 0 &- bytes[..<(end ?? bytes.count)].reduce(0, &+)
  }
}
