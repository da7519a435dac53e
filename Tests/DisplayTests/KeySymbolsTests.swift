import Display
import Hypervisor
import Testing

/// The keys that viewers name.
@Suite struct KeySymbolsTests {
  @Test(
    arguments: [
      ("a", 0x1C, false), ("Z", 0x1A, true), ("1", 0x16, false), ("!", 0x16, true), ("/", 0x4A, false),
      ("?", 0x4A, true), (" ", 0x29, nil), ("\\", 0x5D, false), ("~", 0x0E, true), ("\"", 0x52, true),
    ] as [(Unicode.Scalar, UInt16, Bool?)])
  func `a character has the key of a US keyboard, and a state of Shift`(
    character: Unicode.Scalar, code: UInt16, wantsShift: Bool?
  ) {
    let key = KeySymbols.key(for: character.value)
    #expect(key?.code == KeyCode(code))
    #expect(key?.wantsShift == wantsShift)
    #expect(key?.isLetter == character.properties.isAlphabetic)
  }

  @Test(
    arguments: [
      (0xFF0D, 0x5A), (0xFF8D, 0xE05A), (0xFF52, 0xE075), (0xFFBE, 0x05), (0xFFC9, 0x07), (0xFFB5, 0x73),
      (0xFFEA, 0xE011), (0xFE03, 0xE011), (0xFFFF, 0xE071), (0xFF9F, 0x71), (0xFFE5, 0x58), (0xFF7F, 0x77),
    ] as [(UInt32, UInt16)])
  func `a key without a character has the code of set 2`(symbol: UInt32, code: UInt16) {
    #expect(KeySymbols.key(for: symbol)?.code == KeyCode(code))
  }

  @Test func `every printable character of ASCII has a key`() {
    for value in UInt32(0x20)...0x7E { #expect(KeySymbols.key(for: value) != nil, "\(value)") }
  }

  @Test(arguments: [0, 0xE4, 0xFFBD, 0xFFCA, 0x0100_20AC, .max] as [UInt32])
  func `a symbol that a US keyboard does not have has no key`(symbol: UInt32) {
    #expect(KeySymbols.key(for: symbol) == nil)
  }
}
