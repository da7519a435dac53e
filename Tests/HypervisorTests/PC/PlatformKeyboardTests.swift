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
    #expect([answer(), answer()] == [0xFA, 2])
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
    var count = 0
    while answer() != nil, count < 1000 { count += 1 }
    #expect(count == 16)
  }
}
