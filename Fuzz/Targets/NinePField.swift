/// A field of a 9P message, and values for it that are often good.
enum NinePField {
  case fid, noFid, name, names, data, flags, mode, number8, number16, number32, number64

  private static let nameChoices = [
    "file", "folder", "link", "up", "made", "other", ".", "..", "", "a/b", "/etc/passwd", "../secret",
    "nul\0name",
    "user.name", "security.capability", String(repeating: "x", count: 255),
    String(repeating: "y", count: 300),
  ]

  /// A whole message.
  static func frame(_ type: UInt8, _ body: [UInt8], tag: UInt16 = 1, size: UInt32? = nil) -> [UInt8] {
    littleEndian(size ?? UInt32(body.count + 7)) + [type] + littleEndian(tag) + body
  }

  /// The field's bytes.
  func bytes(_ input: inout FuzzInput) -> [UInt8] {
    switch self {
    case .fid: return Self.littleEndian(input.changed(UInt32(input.below(6)), oneIn: 32))
    case .noFid: return Self.littleEndian(input.changed(UInt32.max, oneIn: 8))
    case .name: return Self.string(&input)
    case .names:
      let count = UInt16(input.below(5))
      let names = (0..<count).flatMap { _ in Self.string(&input) }
      return Self.littleEndian(input.changed(count, oneIn: 16)) + names
    case .data:
      let data = input.take(input.below(64))
      return Self.littleEndian(input.changed(UInt32(data.count), oneIn: 16)) + data
    case .flags: return Self.littleEndian(UInt32(1) << UInt32(input.below(32)) | UInt32(input.below(4)))
    case .mode:
      let kind = input.pick([0o100000, 0o040000, 0o060000, 0o020000, 0o010000, 0o140000] as [UInt32])
      return Self.littleEndian(kind | UInt32(input.below(0o10000)))
    case .number8: return [input.interesting()]
    case .number16: return Self.littleEndian(input.interesting(UInt16.self))
    case .number32: return Self.littleEndian(input.interesting(UInt32.self))
    case .number64: return Self.littleEndian(input.interesting(UInt64.self))
    }
  }

  private static func string(_ input: inout FuzzInput) -> [UInt8] {
    let text = Array(input.pick(nameChoices).utf8)
    return littleEndian(input.changed(UInt16(text.count), oneIn: 32)) + text
  }

  private static func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Value($0 * 8)) }
  }
}
