public import Hypervisor

/// The keys of a US keyboard by X11's keysyms, in which VNC clients name them (X11/keysymdef.h).
public enum KeySymbols {
  /// A key, and whether the symbol is the one that it has together with Shift.
  public struct Key: Equatable, Sendable {
    /// The key.
    public var code: KeyCode
    /// Whether Shift must be held, or must not; nil where it does not matter.
    public var wantsShift: Bool?
    /// Whether Caps Lock turns ``wantsShift`` around.
    public var isLetter: Bool

    /// A key.
    public init(_ code: KeyCode, wantsShift: Bool? = nil, isLetter: Bool = false) {
      self.code = code
      self.wantsShift = wantsShift
      self.isLetter = isLetter
    }
  }

  /// The left Shift.
  public static let leftShift = KeyCode(0x12)
  /// The right Shift.
  public static let rightShift = KeyCode(0x59)

  /// The key of a symbol; nil for a symbol that a US keyboard does not have.
  public static func key(for symbol: UInt32) -> Key? { table[symbol] }

  private static let table: [UInt32: Key] = {
    var table: [UInt32: Key] = [:]
    for (letter, code) in zip("abcdefghijklmnopqrstuvwxyz".unicodeScalars, letters) {
      table[letter.value] = Key(KeyCode(code), wantsShift: false, isLetter: true)
      table[letter.value - 0x20] = Key(KeyCode(code), wantsShift: true, isLetter: true)
    }
    for (plain, shifted, code) in signs {
      table[plain.value] = Key(KeyCode(code), wantsShift: false)
      table[shifted.value] = Key(KeyCode(code), wantsShift: true)
    }
    for (symbol, code) in others { table[symbol] = Key(KeyCode(code)) }
    for (index, code) in functionKeys.enumerated() { table[0xFFBE + UInt32(index)] = Key(KeyCode(code)) }
    for (index, code) in keypadDigits.enumerated() { table[0xFFB0 + UInt32(index)] = Key(KeyCode(code)) }
    return table
  }()

  private static let letters: [UInt16] = [
    0x1C, 0x32, 0x21, 0x23, 0x24, 0x2B, 0x34, 0x33, 0x43, 0x3B, 0x42, 0x4B, 0x3A, 0x31, 0x44, 0x4D, 0x15,
    0x2D, 0x1B, 0x2C, 0x3C, 0x2A, 0x1D, 0x22, 0x35, 0x1A,
  ]

  private static let signs: [(plain: Unicode.Scalar, shifted: Unicode.Scalar, code: UInt16)] = [
    ("1", "!", 0x16), ("2", "@", 0x1E), ("3", "#", 0x26), ("4", "$", 0x25), ("5", "%", 0x2E),
    ("6", "^", 0x36), ("7", "&", 0x3D), ("8", "*", 0x3E), ("9", "(", 0x46), ("0", ")", 0x45),
    ("-", "_", 0x4E), ("=", "+", 0x55), ("[", "{", 0x54), ("]", "}", 0x5B), ("\\", "|", 0x5D),
    (";", ":", 0x4C), ("'", "\"", 0x52), ("`", "~", 0x0E), (",", "<", 0x41), (".", ">", 0x49),
    ("/", "?", 0x4A),
  ]

  private static let functionKeys: [UInt16] = [
    0x05, 0x06, 0x04, 0x0C, 0x03, 0x0B, 0x83, 0x0A, 0x01, 0x09, 0x78, 0x07,
  ]

  private static let keypadDigits: [UInt16] = [
    0x70, 0x69, 0x72, 0x7A, 0x6B, 0x73, 0x74, 0x6C, 0x75, 0x7D,
  ]

  private static let others: [UInt32: UInt16] = [
    0x20: 0x29,  // space
    0xFF08: 0x66, 0xFF09: 0x0D, 0xFE20: 0x0D, 0xFF0D: 0x5A, 0xFF1B: 0x76,  // Backspace, Tab, Enter, Esc
    0xFF13: KeyCode.pause.rawValue, 0xFF6B: KeyCode.pause.rawValue, 0xFF14: 0x7E,  // Pause, Scroll Lock
    0xFF61: KeyCode.printScreen.rawValue, 0xFF15: KeyCode.printScreen.rawValue,  // Print, SysRq
    0xFF50: 0xE06C, 0xFF51: 0xE06B, 0xFF52: 0xE075, 0xFF53: 0xE074, 0xFF54: 0xE072,  // Home, arrows
    0xFF55: 0xE07D, 0xFF56: 0xE07A, 0xFF57: 0xE069, 0xFF63: 0xE070, 0xFFFF: 0xE071,  // pages, End, Ins, Del
    0xFFE1: 0x12, 0xFFE2: 0x59, 0xFFE3: 0x14, 0xFFE4: 0xE014, 0xFFE5: 0x58,  // Shift, Ctrl, Caps Lock
    0xFFE7: 0x11, 0xFFE8: 0xE011, 0xFFE9: 0x11, 0xFFEA: 0xE011, 0xFE03: 0xE011, 0xFF7E: 0xE011,  // Alt, AltGr
    0xFFEB: 0xE01F, 0xFFEC: 0xE027, 0xFF67: 0xE02F, 0xFF7F: 0x77,  // Windows keys, Menu, Num Lock
    0xFF8D: 0xE05A, 0xFFAA: 0x7C, 0xFFAB: 0x79, 0xFFAC: 0x71, 0xFFAD: 0x7B, 0xFFAE: 0x71,  // the keypad
    0xFFAF: 0xE04A, 0xFF95: 0x6C, 0xFF96: 0x6B, 0xFF97: 0x75, 0xFF98: 0x74, 0xFF99: 0x72, 0xFF9A: 0x7D,
    0xFF9B: 0x7A, 0xFF9C: 0x69, 0xFF9D: 0x73, 0xFF9E: 0x70, 0xFF9F: 0x71,
  ]
}
