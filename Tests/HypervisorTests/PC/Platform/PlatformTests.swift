import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing

/// The board's small devices: resets, power, debug ports, exit status, panic.
@Suite struct PlatformTests {
  private let board: PlatformBoard

  init() throws { board = try PlatformBoard() }

  @Test func `port 92h resets by its bit 0 and holds the others`() {
    #expect(board.read(0x92) == 2)
    board.write(0x92, 0xFC)
    #expect(board.read(0x92) == 0xFC)
    #expect(board.end.value == nil)
    board.write(0x92, 3)
    #expect(board.end.value == .reset)
    #expect(board.read(0x92) == 2)
  }

  @Test func `the reset control register resets when bit 2 is written`() throws {
    let latch = try MachineEndLatch()
    let register = ResetControlRegister(end: latch)
    register.write(offset: 0, byteCount: 1, value: 2)
    #expect(latch.value == nil)
    #expect(register.read(offset: 0, byteCount: 1) == 2)
    register.write(offset: 0, byteCount: 2, value: 6)
    #expect(latch.value == nil)
    register.write(offset: 0, byteCount: 1, value: 6)
    #expect(latch.value == .reset)
  }

  @Test func `sleep type 5 with the enable bit switches off`() {
    #expect(board.read(0x604, byteCount: 2) == 1)
    board.write(0x604, 5 << 10, byteCount: 2)
    #expect(board.end.value == nil)
    #expect(board.read(0x604, byteCount: 2) == 5 << 10 | 1)
    board.write(0x604, 1 << 13 | 3 << 10, byteCount: 2)
    #expect(board.end.value == nil, "another sleep state")
    board.write(0x604, 1 << 13 | 5 << 10, byteCount: 2)
    #expect(board.end.value == .poweredOff)
  }

  @Test func `the power button interrupts a guest that listens until it clears the status`() {
    #expect(!board.devices.power.pressPowerButton())
    #expect(!board.systemControlLine.isActive)
    #expect(board.read(0x600, byteCount: 2) == 1 << 8)
    board.write(0x602, 0xFFFF, byteCount: 2)
    #expect(board.read(0x602, byteCount: 2) == 0b111 << 8 | 1 << 5)
    #expect(board.systemControlLine.isActive)
    board.write(0x600, 1 << 5, byteCount: 2)
    #expect(board.systemControlLine.isActive)
    board.write(0x600, 1 << 8, byteCount: 2)
    #expect(!board.systemControlLine.isActive)
    #expect(board.read(0x600, byteCount: 4) == (0b111 << 8 | 1 << 5) << 16)
    #expect(board.devices.power.pressPowerButton())
    #expect(board.systemControlLine.edges == 2)
  }

  @Test func `the exit status is what the guest wrote last, in one byte`() {
    #expect(board.devices.exitStatus.status == nil)
    board.write(0xF4, 0x1234, byteCount: 2)
    #expect(board.devices.exitStatus.status == nil)
    board.write(0xF4, 3)
    board.write(0xF4, 42)
    #expect(board.devices.exitStatus.status == 42)
    #expect(board.end.value == nil)
  }

  @Test func `text on a debug port comes out in lines, bounded`() {
    let lines = Mutex<[String]>([])
    let console = DebugConsole { line in lines.withLock { $0.append(line) } }
    for byte in Array("hello\r\n\u{7}x\n".utf8) + [UInt8](repeating: 0x61, count: 300) {
      console.write(offset: 0, byteCount: 1, value: UInt64(byte))
    }
    #expect(lines.withLock { $0 } == ["hello", ".x", String(repeating: "a", count: 256)])
    for _ in 0..<10_000 { console.write(offset: 0, byteCount: 1, value: 10) }
    #expect(lines.withLock { $0.count } == 4096)
    #expect(board.read(0x402) == 0xE9)
  }

  @Test func `ports that do nothing are claimed`() {
    for port in [0x80, 0xED] as [UInt64] {
      board.write(port, 1)
      #expect(board.read(port) == 0xFF)
      #expect(board.ports.isClaimed(port, byteCount: 1))
    }
    #expect(!board.ports.isClaimed(0x61, byteCount: 1), "the in-kernel timer's")
  }

  @Test func `a guest's panic ends the machine, a crash kernel does not`() throws {
    let latch = try MachineEndLatch()
    let device = PanicDevice(end: latch)
    #expect(device.configuration.read(0, byteCount: 4) == 0x0011_1B36)
    #expect(device.readBAR(0, offset: 0, byteCount: 1) == 3)
    #expect(device.readBAR(0, offset: 8, byteCount: 8) == 0)
    device.writeBAR(0, offset: 0, byteCount: 1, value: 2)
    device.writeBAR(0, offset: 1, byteCount: 1, value: 1)
    #expect(latch.value == nil)
    device.writeBAR(0, offset: 0, byteCount: 1, value: 1)
    #expect(latch.value == .panicked)
  }

  @Test func `random accesses of all widths never trap`() throws {
    var generator = SplitMix64(seed: 77)
    let ports: [UInt64] = [
      0x5F, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0xE0, 0xED, 0xF4, 0x402, 0x600, 0x601, 0x602, 0x604,
      0x605,
    ]
    let panic = PanicDevice(end: board.end)
    let control = ResetControlRegister(end: board.end)
    for _ in 0..<100_000 {
      let random = generator.next()
      let port = ports[Int(random % UInt64(ports.count))]
      let byteCount = [1, 1, 1, 2, 4, 8, 3, 0][Int(random >> 8 & 7)]
      let value = generator.next()
      board.write(port, value, byteCount: byteCount)
      #expect(board.read(port, byteCount: byteCount) <= AddressBus.floating(byteCount))
      // Past the bus, which checks ranges: offsets that no bus would let through.
      for device in [board.devices.power, board.devices.exitStatus, control] as [any BusDevice] {
        device.write(offset: value, byteCount: byteCount, value: random)
        _ = device.read(offset: value, byteCount: byteCount)
      }
      panic.writeBAR(Int(random >> 16 & 7), offset: value & 31, byteCount: byteCount, value: value)
      if random & 0xFF == 0 { board.devices.power.pressPowerButton() }
    }
    #expect(board.end.value != nil)
  }
}
