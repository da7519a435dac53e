import Hypervisor
import Testing

/// The PS/2 mouse behind the keyboard's controller, as kernels drive it.
@Suite struct PlatformMouseTests {
  private let board: PlatformBoard

  init() throws { board = try PlatformBoard(hasMouse: true) }

  /// Sends a byte to the mouse, and returns what it answers.
  @discardableResult
  private func send(_ byte: UInt64) -> [UInt8] {
    board.write(0x64, 0xD4)
    board.write(0x60, byte)
    return bytes()
  }

  /// The bytes of the mouse that wait.
  private func bytes() -> [UInt8] {
    var bytes: [UInt8] = []
    while board.read(0x64) & 1 == 1, bytes.count < 10_000 {
      let isMouse = board.read(0x64) & 1 << 5 != 0
      let byte = UInt8(truncatingIfNeeded: board.read(0x60))
      if isMouse { bytes.append(byte) }
    }
    return bytes
  }

  private func move(
    _ right: Int32 = 0, _ down: Int32 = 0, wheel: Int32 = 0, _ buttons: PointerMovement.Buttons = []
  ) {
    board.devices.keyboard.report(
      PointerMovement(right: right, down: down, wheel: wheel, buttons: buttons))
  }

  private func enableWheel() {
    for byte in [0xF3, 200, 0xF3, 100, 0xF3, 80, 0xF4] as [UInt64] { send(byte) }
  }

  @Test func `the controller reports a mouse`() {
    board.write(0x64, 0xA9)
    #expect(board.read(0x60) == 0)
    board.write(0x64, 0xD3)
    board.write(0x60, 0xA5)
    #expect(board.read(0x64) & 0b10_0001 == 0b10_0001)
    #expect(bytes() == [0xA5])
  }

  @Test func `the mouse passes its test and identifies itself`() {
    #expect(send(0xFF) == [0xFA, 0xAA, 0])
    #expect(send(0xF2) == [0xFA, 0])
    #expect(send(0xE8) == [0xFA])
    #expect(send(3) == [0xFA])
    #expect(send(0xF3) == [0xFA])
    #expect(send(40) == [0xFA])
    #expect(send(0xE7) == [0xFA])
    #expect(send(0xF4) == [0xFA])
    #expect(send(0xE9) == [0xFA, 0x30, 3, 40])
    #expect(send(0xF6) == [0xFA])
    #expect(send(0xE9) == [0xFA, 0, 2, 100])
    #expect(send(0x01) == [0xFE])
  }

  @Test func `a driver that sets the rates 200, 100 and 80 gets a wheel`() {
    enableWheel()
    #expect(send(0xF2) == [0xFA, 3])
    move(3, -2, wheel: -1, [.left, .middle])
    #expect(bytes() == [0x0D, 3, 2, 0xFF])
    send(0xFF)
    #expect(send(0xF2) == [0xFA, 0])
  }

  @Test func `a movement is a packet of three bytes, with line 12 for each`() {
    send(0xF4)
    board.write(0x64, 0x60)
    board.write(0x60, 0x47)
    let edges = board.mouseLine.edges
    move(5, 7, [.right])
    #expect(board.mouseLine.isActive)
    #expect(bytes() == [0x2A, 5, 0xF9])
    #expect(board.mouseLine.edges == edges + 3)
    #expect(!board.mouseLine.isActive)
    #expect(!board.keyboardLine.isActive)
  }

  @Test func `a movement that is too long for a packet takes several`() {
    send(0xF4)
    move(300, 0)
    #expect(bytes() == [0x08, 255, 0, 0x08, 45, 0])
    move(-300, 0)
    #expect(bytes() == [0x18, 1, 0, 0x18, 0xD3, 0])
  }

  @Test func `movements before the mouse is enabled are lost`() {
    move(5, 5, [.left])
    #expect(bytes() == [])
    #expect(send(0xF4) == [0xFA])
    #expect(send(0xE9) == [0xFA, 0x24, 2, 100], "but the button is held")
    send(0xF5)
    move(5, 5)
    #expect(bytes() == [])
  }

  @Test func `in remote mode a movement comes when it is asked for`() {
    send(0xF4)
    #expect(send(0xF0) == [0xFA])
    move(9, 0)
    #expect(bytes() == [])
    #expect(send(0xEB) == [0xFA, 0x08, 9, 0])
    #expect(send(0xEB) == [0xFA, 0x08, 0, 0])
  }

  @Test func `in wrap mode bytes come back`() {
    #expect(send(0xEE) == [0xFA])
    #expect(send(0xF2) == [0xF2])
    #expect(send(0xEC) == [0xFA])
    #expect(send(0xF2) == [0xFA, 0])
  }

  @Test func `what is never read stays bounded, and the last state of the buttons arrives`() {
    send(0xF4)
    for index in 0..<10_000 { move(1000, -1000, index % 2 == 0 ? [.left] : []) }
    move(0, 0, [.right])
    let bytes = bytes()
    #expect(bytes.count < 64 * 5 * 3 + 130 * 3)
    #expect(bytes.count.isMultiple(of: 3))
    #expect(bytes[bytes.count - 3] & 7 == 2)
  }

  @Test func `distances that no mouse moves are bounded`() {
    send(0xF4)
    for _ in 0..<4 { move(.max, .min) }
    #expect(bytes().count <= 130 * 3)
  }

  @Test func `a mouse that the controller has switched off keeps its packets`() {
    send(0xF4)
    board.write(0x64, 0xA7)
    move(1, 0)
    #expect(bytes() == [])
    board.write(0x64, 0xA8)
    #expect(bytes() == [0x08, 1, 0])
  }

  @Test func `keys come before movements, whole packets between`() {
    board.write(0x60, 0xF4)
    send(0xF4)
    move(1, 0)
    board.devices.keyboard.report(KeyCode(0x1C), isDown: true)
    move(2, 0)
    var order: [UInt64] = []
    while board.read(0x64) & 1 == 1, order.count < 100 {
      order.append(board.read(0x64) & 1 << 5 != 0 ? board.read(0x60) : 0x100 | board.read(0x60))
    }
    // The first byte was in the output buffer already.
    #expect(order == [0x08, 0x11E, 1, 0, 0x08, 2, 0])
  }
}
