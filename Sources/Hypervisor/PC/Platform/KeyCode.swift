/// A key of a PS/2 keyboard: its code in scan code set 2, with E0h above it for the keys that the AT keyboard added.
///
/// IBM PS/2 Hardware Interface Technical Reference, "Keyboard Scan Codes".
public struct KeyCode: RawRepresentable, Hashable, Sendable {
  /// The prefix in the high byte, if the key has one, and the code in the low byte.
  public let rawValue: UInt16

  /// Wraps a code.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Wraps a code.
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  /// The prefix of a key's release.
  private static let releasePrefix: UInt8 = 0xF0
  /// The prefix of keys that the AT keyboard added.
  private static let extendedPrefix: UInt8 = 0xE0

  /// Print Screen, which sends a Shift of its own.
  public static let printScreen = KeyCode(0xE07C)
  /// Pause, which sends its release with its press.
  public static let pause = KeyCode(0xE177)

  /// The bytes that the keyboard sends when the key goes down or up; none for the release of Pause.
  func bytes(isDown: Bool) -> [UInt8] {
    switch self {
    case .printScreen:
      let shift = KeyCode(0xE012)
      return isDown
        ? shift.plainBytes(isDown: true) + plainBytes(isDown: true)
        : plainBytes(isDown: false) + shift.plainBytes(isDown: false)
    case .pause: return isDown ? [0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77] : []
    default: return plainBytes(isDown: isDown)
    }
  }

  private func plainBytes(isDown: Bool) -> [UInt8] {
    let prefix = rawValue >> 8 == UInt16(Self.extendedPrefix) ? [Self.extendedPrefix] : []
    return prefix + (isDown ? [] : [Self.releasePrefix]) + [UInt8(truncatingIfNeeded: rawValue)]
  }
}

/// The controller's translation of scan code set 2 to set 1, byte by byte.
struct ScanCodeTranslation {
  /// Codes of set 2 in the order of set 1, from 01h on.
  private static let codes: [UInt8] = [
    // Esc, the digits and their neighbours, Backspace.
    0x76, 0x16, 0x1E, 0x26, 0x25, 0x2E, 0x36, 0x3D, 0x3E, 0x46, 0x45, 0x4E, 0x55, 0x66,
    // Tab, Q to ], Enter.
    0x0D, 0x15, 0x1D, 0x24, 0x2D, 0x2C, 0x35, 0x3C, 0x43, 0x44, 0x4D, 0x54, 0x5B, 0x5A,
    // Ctrl, A to ', `.
    0x14, 0x1C, 0x1B, 0x23, 0x2B, 0x34, 0x33, 0x3B, 0x42, 0x4B, 0x4C, 0x52, 0x0E,
    // Shift, \, Z to /, Shift, * of the keypad.
    0x12, 0x5D, 0x1A, 0x22, 0x21, 0x2A, 0x32, 0x31, 0x3A, 0x41, 0x49, 0x4A, 0x59, 0x7C,
    // Alt, Space, Caps Lock, F1 to F10.
    0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0C, 0x03, 0x0B, 0x83, 0x0A, 0x01, 0x09,
    // Num Lock, Scroll Lock, the keypad, three codes of which one is a key, F11, F12.
    0x77, 0x7E, 0x6C, 0x75, 0x7D, 0x7B, 0x6B, 0x73, 0x74, 0x79, 0x69, 0x72, 0x7A, 0x70, 0x71,
    0x84, 0x60, 0x61, 0x78, 0x07,
  ]
  /// Codes beyond: the Windows keys and Menu, power keys, keys of Japanese keyboards; 02h is not a key and occurs in answers.
  private static let others: [UInt8: UInt8] = [
    0x1F: 0x5B, 0x27: 0x5C, 0x2F: 0x5D, 0x37: 0x5E, 0x3F: 0x5F, 0x5E: 0x63, 0x13: 0x70, 0x51: 0x73,
    0x64: 0x79, 0x67: 0x7B, 0x6A: 0x7D, 0x02: 0x41,
  ]
  private static let table: [UInt8] = {
    var table = (0...255).map { UInt8($0) }
    for (index, code) in codes.enumerated() { table[Int(code)] = UInt8(index + 1) }
    for (code, translated) in others { table[Int(code)] = translated }
    return table
  }()

  /// Whether the previous byte was the prefix of a release, which becomes bit 7 of the next byte.
  private var isRelease = false

  /// The byte for the guest; nil if the next byte comes first.
  mutating func translate(_ byte: UInt8) -> UInt8? {
    if byte == 0xF0 {
      isRelease = true
      return nil
    }
    let translated = Self.table[Int(byte)]
    defer { isRelease = false }
    return isRelease ? translated | 0x80 : translated
  }
}
