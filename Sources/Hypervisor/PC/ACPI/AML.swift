/// A term of ACPI's machine language, and its encoding (ACPI 6.5 §20.2).
indirect enum AML {
  /// An integer, in as few bytes as it takes.
  case integer(UInt64)
  /// A compressed EISA identifier, such as "PNP0A03" (§19.3.4).
  case eisaID(String)
  /// Up to 255 elements.
  case package([AML])
  /// Bytes, such as a resource template.
  case buffer([UInt8])
  /// Name (name, value).
  case name(String, AML)
  /// Scope (name) { terms }.
  case scope(String, [AML])
  /// Device (name) { terms }.
  case device(String, [AML])

  private enum Opcode {
    static let zero: UInt8 = 0x00
    static let one: UInt8 = 0x01
    static let name: UInt8 = 0x08
    static let byte: UInt8 = 0x0A
    static let word: UInt8 = 0x0B
    static let doubleWord: UInt8 = 0x0C
    static let quadWord: UInt8 = 0x0E
    static let scope: UInt8 = 0x10
    static let buffer: UInt8 = 0x11
    static let package: UInt8 = 0x12
    static let device: [UInt8] = [0x5B, 0x82]
    static let root: UInt8 = 0x5C
    static let dualName: UInt8 = 0x2E
  }

  var encoded: [UInt8] {
    switch self {
    case .integer(let value): Self.encode(value)
    case .eisaID(let text): Self.encode(Self.compress(text))
    case .package(let elements):
      [Opcode.package] + Self.withLength([UInt8(elements.count)] + elements.flatMap(\.encoded))
    case .buffer(let bytes):
      [Opcode.buffer] + Self.withLength(Self.encode(UInt64(bytes.count)) + bytes)
    case .name(let name, let value): [Opcode.name] + Self.path(name) + value.encoded
    case .scope(let name, let terms):
      [Opcode.scope] + Self.withLength(Self.path(name) + terms.flatMap(\.encoded))
    case .device(let name, let terms):
      Opcode.device + Self.withLength(Self.path(name) + terms.flatMap(\.encoded))
    }
  }

  private static func encode(_ value: UInt64) -> [UInt8] {
    var bytes = LittleEndianBytes()
    switch value {
    case 0: return [Opcode.zero]
    case 1: return [Opcode.one]
    case ...0xFF: bytes.append([Opcode.byte, UInt8(value)])
    case ...0xFFFF:
      bytes.append([Opcode.word])
      bytes.append(UInt16(value))
    case ...0xFFFF_FFFF:
      bytes.append([Opcode.doubleWord])
      bytes.append(UInt32(value))
    default:
      bytes.append([Opcode.quadWord])
      bytes.append(value)
    }
    return bytes.bytes
  }

  /// Puts the package length before `body`; it counts its own bytes (§20.2.4).
  private static func withLength(_ body: [UInt8]) -> [UInt8] {
    if body.count + 1 < 1 << 6 { return [UInt8(body.count + 1)] + body }
    var lengthByteCount = 2
    while body.count + lengthByteCount >= 1 << (4 + 8 * (lengthByteCount - 1)) { lengthByteCount += 1 }
    let length = body.count + lengthByteCount
    var bytes = [UInt8(lengthByteCount - 1) << 6 | UInt8(length & 0xF)]
    for index in 1..<lengthByteCount { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * index - 4))) }
    return bytes + body
  }

  /// A name of one segment, or of two joined by a dot; a backslash before it means the root (§20.2.2).
  private static func path(_ name: String) -> [UInt8] {
    let isRooted = name.hasPrefix("\\")
    let segments = name.dropFirst(isRooted ? 1 : 0).split(separator: ".")
    let prefix = (isRooted ? [Opcode.root] : []) + (segments.count == 2 ? [Opcode.dualName] : [])
    return prefix
      + segments.flatMap { segment in
        Array(segment.utf8) + [UInt8](repeating: UInt8(ascii: "_"), count: 4 - segment.utf8.count)
      }
  }

  /// Three letters of five bits each, then four hexadecimal digits, big-endian.
  private static func compress(_ text: String) -> UInt64 {
    let letters = text.utf8.prefix(3).reduce(0 as UInt32) { $0 << 5 | UInt32($1 & 0x1F) }
    let number = UInt32(text.dropFirst(3), radix: 16) ?? 0
    return UInt64((letters << 16 | number).byteSwapped)
  }
}
