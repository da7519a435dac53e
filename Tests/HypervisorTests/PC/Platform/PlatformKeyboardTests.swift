import Hypervisor
import Testing

/// The keyboard controller as kernels probe it.
@Suite struct PlatformKeyboardTests {
  private let board: PlatformBoard

  init() throws { board = try PlatformBoard() }

  private func command(_ value: UInt64) { board.write(0x64, value) }
  private func data(_ value: UInt64) { board.write(0x60, value) }
  private func answer() -> UInt64? { board.read(0x64) & 1 == 1 ? board.read(0x60) : nil }

  @Test func `the self-test passes and sets the system flag`() {
    #expect(answer() == nil)
    command(0xAA)
    #expect(board.read(0x64) & 0b1101 == 0b1101)
    #expect(answer() == 0x55)
    #expect(answer() == nil)
    command(0xAB)
    #expect(answer() == 0)
    command(0xA4)
    #expect(answer() == 0xF1)
  }

  @Test func `the command byte holds, and the switches change it`() {
    command(0x60)
    data(0x75)
    command(0x20)
    #expect(answer() == 0x75)
    for (value, expected) in [(0xA8, 0x55), (0xA7, 0x75), (0xAE, 0x65), (0xAD, 0x75)] as [(UInt64, UInt64)] {
      command(value)
      command(0x20)
      #expect(answer() == expected)
    }
    command(0x7F)
    data(9)
    command(0x3F)
    #expect(answer() == 9)
  }

  @Test func `without a mouse its tests fail at once`() {
    command(0xD3)
    data(0xA5)
    #expect(board.read(0x64) & 1 << 5 == 0, "not the mouse's byte")
    #expect(answer() == 0xA5)
    command(0xA9)
    #expect(answer() == 1)
    command(0xD4)
    data(0xFF)
    #expect(answer() == nil)
  }

  @Test func `the keyboard identifies itself, byte by byte with an interrupt each`() {
    command(0x60)
    data(0x05)
    data(0xF2)
    #expect(board.keyboardLine.isActive)
    #expect([answer(), answer(), answer(), answer()] == [0xFA, 0xAB, 0x83, nil])
    #expect(board.keyboardLine.edges == 3)
    #expect(!board.keyboardLine.isActive)
  }

  @Test func `the keyboard acknowledges commands and their arguments`() {
    for value in [0xED, 7, 0xF3, 0, 0xF4, 0xF5, 0xF6, 0xF0, 2] as [UInt64] {
      data(value)
      #expect(answer() == 0xFA)
    }
    data(0xF0)
    #expect(answer() == 0xFA)
    data(0)
    // Translated: set 2.
    #expect([answer(), answer()] == [0xFA, 0x41])
    data(0xF0)
    #expect(answer() == 0xFA)
    data(3)
    #expect(answer() == 0xFE)
    data(0xEE)
    #expect(answer() == 0xEE)
    data(0xFF)
    #expect([answer(), answer()] == [0xFA, 0xAA])
    data(0x01)
    #expect(answer() == 0xFE)
  }

  @Test func `without the interrupt's bit nothing interrupts`() {
    command(0x60)
    data(0)
    data(0xF2)
    #expect(board.keyboardLine.edges == 0)
    #expect(answer() == 0xFA)
  }

  @Test(arguments: [0xF0, 0xFE] as [UInt64])
  func `a pulse of the reset line ends the machine`(value: UInt64) {
    command(0xFF)
    command(0xFD)
    #expect(board.end.value == nil)
    command(value)
    #expect(board.end.value == .reset)
  }

  @Test func `the output port holds A20 and resets by its bit 0`() {
    command(0xD0)
    #expect(answer() == 3)
    command(0xD1)
    data(0xDD)
    command(0xD0)
    #expect(answer() == 0xDD)
    #expect(board.end.value == nil)
    command(0xD1)
    data(0xDE)
    #expect(board.end.value == .reset)
  }

  @Test func `what is never taken does not pile up`() {
    for _ in 0..<1000 { data(0xF2) }
    #expect(answers().count == 17, "the output buffer and the keyboard's own")
  }

  /// All bytes that wait.
  private func answers() -> [UInt8] {
    var bytes: [UInt8] = []
    while let byte = answer(), bytes.count < 10_000 { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return bytes
  }

  /// Enables the keyboard as a driver does.
  private func enable() {
    data(0xF4)
    #expect(answers() == [0xFA])
  }

  private func press(_ code: UInt16) { board.devices.keyboard.report(KeyCode(code), isDown: true) }
  private func release(_ code: UInt16) { board.devices.keyboard.report(KeyCode(code), isDown: false) }

  @Test(
    arguments: [
      (0x1C, [0x1E], [0x9E]), (0x83, [0x41], [0xC1]), (0x07, [0x58], [0xD8]), (0x59, [0x36], [0xB6]),
      (0xE075, [0xE0, 0x48], [0xE0, 0xC8]), (0xE05A, [0xE0, 0x1C], [0xE0, 0x9C]),
      (0xE01F, [0xE0, 0x5B], [0xE0, 0xDB]),
      (0xE07C, [0xE0, 0x2A, 0xE0, 0x37], [0xE0, 0xB7, 0xE0, 0xAA]),
      (0xE177, [0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5], []),
    ] as [(UInt16, [UInt8], [UInt8])])
  func `a key is translated to scan code set 1`(code: UInt16, pressed: [UInt8], released: [UInt8]) {
    enable()
    press(code)
    #expect(board.keyboardLine.isActive)
    #expect(answers() == pressed)
    release(code)
    #expect(answers() == released)
    #expect(!board.keyboardLine.isActive)
  }

  @Test func `the light of Caps Lock is the guest's`() {
    #expect(!board.devices.keyboard.showsCapsLock)
    data(0xED)
    data(4)
    #expect(board.devices.keyboard.showsCapsLock)
    data(0xED)
    data(3)
    #expect(!board.devices.keyboard.showsCapsLock)
  }

  @Test func `without translation a key is one of set 2`() {
    enable()
    command(0x60)
    data(0x05)
    press(0xE075)
    release(0xE075)
    #expect(answers() == [0xE0, 0x75, 0xE0, 0xF0, 0x75])
  }

  @Test func `a keyboard that no driver has enabled keeps quiet`() {
    for _ in 0..<100 { press(0x1C) }
    #expect(answers() == [])
    data(0xFF)
    #expect(answers() == [0xFA, 0xAA])
    press(0x1C)
    #expect(answers() == [0x1E])
  }

  @Test func `a keyboard that is switched off keeps quiet`() {
    enable()
    command(0xAD)
    press(0x1C)
    #expect(answers() == [])
    command(0xAE)
    #expect(answers() == [0x1E])
    data(0xF5)
    #expect(answers() == [0xFA])
    press(0x1C)
    #expect(answers() == [])
    data(0xF4)
    #expect(answers() == [0xFA])
    press(0x1C)
    #expect(answers() == [0x1E])
  }

  @Test func `an answer does not come into the middle of a key's bytes`() {
    enable()
    press(0xE075)
    #expect(answer() == 0xE0)
    data(0xED)
    #expect(answers() == [0x48, 0xFA])
  }

  @Test func `keys beyond the limit are lost, but not the releases of those before`() {
    enable()
    for _ in 0..<5000 { press(0x1C) }
    release(0x1C)
    let bytes = answers()
    #expect(bytes.count == 1026)
    #expect(bytes.last == 0x9E)
    for _ in 0..<5000 { release(0x1C) }
    #expect(answers().count == 1281)
  }
}
