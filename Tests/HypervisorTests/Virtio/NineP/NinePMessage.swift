/// Builds the body of a request, field by field.
struct NinePMessage {
  private(set) var bytes: [UInt8] = []

  func u8(_ value: UInt8) -> NinePMessage { adding([value]) }
  func u16(_ value: UInt16) -> NinePMessage { adding(Self.bytes(value)) }
  func u32(_ value: UInt32) -> NinePMessage { adding(Self.bytes(value)) }
  func u64(_ value: UInt64) -> NinePMessage { adding(Self.bytes(value)) }
  func string(_ text: String) -> NinePMessage { u16(UInt16(text.utf8.count)).adding(Array(text.utf8)) }
  func string(_ bytes: [UInt8]) -> NinePMessage { u16(UInt16(bytes.count)).adding(bytes) }
  func data(_ data: [UInt8]) -> NinePMessage { u32(UInt32(data.count)).adding(data) }

  func adding(_ more: [UInt8]) -> NinePMessage {
    var copy = self
    copy.bytes += more
    return copy
  }

  /// The whole message; a size of nil is the right one.
  func framed(_ type: UInt8, tag: UInt16 = 1, size: UInt32? = nil) -> [UInt8] {
    Self.bytes(size ?? UInt32(bytes.count + 7)) + [type] + Self.bytes(tag) + bytes
  }

  private static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    (0..<MemoryLayout<Value>.size).map { UInt8(truncatingIfNeeded: value >> Value($0 * 8)) }
  }
}
