import Hypervisor
import Synchronization
import Testing

/// The CMOS clock, read as a kernel does.
@Suite struct PlatformClockTests {
  private static func clock(_ nanoseconds: UInt64, memory: UInt64 = 512 << 20) -> (UInt64) -> UInt64 {
    let device = CMOSClock(memoryByteCount: memory, interrupt: LineRecorder()) { nanoseconds }
    return { register in
      device.write(offset: 0, byteCount: 1, value: register)
      return device.read(offset: 1, byteCount: 1)
    }
  }

  @Test(
    arguments: [
      // Seconds since 1970; century, year, month, day, weekday (Sunday is 1), hour, minute, second in BCD.
      (0, [0x19, 0x70, 0x01, 0x01, 5, 0, 0, 0]),
      (951_782_399, [0x20, 0x00, 0x02, 0x28, 2, 0x23, 0x59, 0x59]),
      (951_782_400, [0x20, 0x00, 0x02, 0x29, 3, 0, 0, 0]),
      (951_868_800, [0x20, 0x00, 0x03, 0x01, 4, 0, 0, 0]),
      (1_735_689_599, [0x20, 0x24, 0x12, 0x31, 3, 0x23, 0x59, 0x59]),
      (1_795_379_400, [0x20, 0x26, 0x11, 0x22, 1, 0x20, 0x30, 0x00]),
      (4_107_542_400, [0x21, 0x00, 0x03, 0x01, 2, 0, 0, 0]),
    ] as [(UInt64, [UInt64])])
  func `the time is UTC in BCD`(seconds: UInt64, expected: [UInt64]) {
    let read = Self.clock(seconds * 1_000_000_000)
    #expect([0x32, 9, 8, 7, 6, 4, 2, 0].map(read) == expected)
  }

  @Test func `register B switches to binary and to twelve hours`() throws {
    let board = try PlatformBoard()
    #expect(board.clock(0xB) == 2)
    #expect(board.clock(0xD) == 0x80)
    let device = CMOSClock(memoryByteCount: 1 << 20, interrupt: LineRecorder()) {
      1_735_689_599 * 1_000_000_000
    }
    func read(_ register: UInt64, mode: UInt64) -> UInt64 {
      device.write(offset: 0, byteCount: 1, value: 0xB)
      device.write(offset: 1, byteCount: 1, value: mode)
      device.write(offset: 0, byteCount: 1, value: register)
      return device.read(offset: 1, byteCount: 1)
    }
    #expect(read(4, mode: 6) == 23)
    #expect(read(0, mode: 6) == 59)
    #expect(read(4, mode: 4) == 0x80 | 11)
    #expect(read(4, mode: 0) == 0x80 | 0x11)
  }

  @Test func `the last moment of a second says that an update comes`() {
    #expect(Self.clock(5_000_000_000)(0xA) == 0x26)
    #expect(Self.clock(5_997_000_000)(0xA) == 0x26)
    #expect(Self.clock(5_999_000_000)(0xA) == 0xA6)
  }

  @Test func `memory and alarms hold what is written, the time does not`() throws {
    let board = try PlatformBoard()
    for register in [1, 3, 5, 0xE, 0x7F] as [UInt64] {
      board.write(0x70, register)
      board.write(0x71, 0x5A)
      #expect(board.clock(register) == 0x5A)
      #expect(board.clock(register | 0x80) == 0x5A, "bit 7 is no part of the index")
    }
    board.write(0x70, 0x32)
    board.write(0x71, 0x77)
    #expect(board.clock(0x32) == 0x20)
    board.write(0x70, 0xA)
    board.write(0x71, 0xFF)
    #expect(board.clock(0xA) | 0x80 == 0xFF)
    // An update may have ended meanwhile.
    #expect(board.clock(0xC) & ~0x10 == 0)
    #expect(board.read(0x70) == 0xFF)
  }

  @Test(
    arguments: [
      // RAM; memory above 1 MiB in KiB, above 16 MiB and above 4 GiB in 64 KiB.
      (512 << 10, 0, 0, 0),
      (32 << 20, 31 << 10, 256, 0),
      (512 << 20, 0xFFFF, 7936, 0),
      (5 << 30, 0xFFFF, 0xBF00, 2 << 14),
    ] as [(UInt64, UInt64, UInt64, UInt64)])
  func `memory sizes are where firmware looks`(
    memory: UInt64, extended: UInt64, above16: UInt64, above4: UInt64
  ) {
    let read = Self.clock(0, memory: memory)
    #expect(read(0x15) | read(0x16) << 8 == 640)
    #expect(read(0x17) | read(0x18) << 8 == extended)
    #expect(read(0x30) | read(0x31) << 8 == extended)
    #expect(read(0x34) | read(0x35) << 8 == above16)
    #expect(read(0x5B) | read(0x5C) << 8 | read(0x5D) << 16 == above4)
  }

  /// A clock at a moment that the test moves.
  private final class Moment: Sendable {
    let nanoseconds: Atomic<UInt64>
    let line = LineRecorder()

    init(second: UInt64) { nanoseconds = Atomic(second * 1_000_000_000) }

    func device() -> CMOSClock {
      CMOSClock(memoryByteCount: 1 << 20, interrupt: line) { self.nanoseconds.load(ordering: .relaxed) }
    }

    func pass(seconds: UInt64) { nanoseconds.add(seconds * 1_000_000_000, ordering: .relaxed) }
  }

  private static func write(_ device: CMOSClock, _ register: UInt64, _ value: UInt64) {
    device.write(offset: 0, byteCount: 1, value: register)
    device.write(offset: 1, byteCount: 1, value: value)
  }

  private static func read(_ device: CMOSClock, _ register: UInt64) -> UInt64 {
    device.write(offset: 0, byteCount: 1, value: register)
    return device.read(offset: 1, byteCount: 1)
  }

  @Test func `the alarm sets its flag at its time, once, and interrupts where that is enabled`() {
    // 1970-01-01 10:20:30.
    let moment = Moment(second: 37_230)
    let device = moment.device()
    for (register, value) in [(1, 0x35), (3, 0x20), (5, 0x10), (0xB, 0x22)] as [(UInt64, UInt64)] {
      Self.write(device, register, value)
    }
    moment.pass(seconds: 4)
    #expect(Self.read(device, 0xC) == 0x10)
    #expect(!moment.line.isActive)
    moment.pass(seconds: 1)
    #expect(Self.read(device, 0xC) == 0xB0)
    #expect(moment.line.isActive == false, "reading register C acknowledges the interrupt")
    #expect(Self.read(device, 0xC) == 0)
    moment.pass(seconds: 86_399)
    #expect(Self.read(device, 0xC) == 0x10)
    moment.pass(seconds: 1)
    #expect(Self.read(device, 0xC) == 0xB0)
  }

  @Test func `an alarm that leaves hours and minutes open comes each minute, and a stopped clock has none`() {
    let moment = Moment(second: 60)
    let device = moment.device()
    for (register, value) in [(1, 5), (3, 0xFF), (5, 0xC0), (0xB, 6)] as [(UInt64, UInt64)] {
      Self.write(device, register, value)
    }
    moment.pass(seconds: 5)
    #expect(Self.read(device, 0xC) == 0x30)
    moment.pass(seconds: 60)
    #expect(Self.read(device, 0xC) == 0x30)
    Self.write(device, 0xB, 0x86)
    moment.pass(seconds: 60)
    #expect(Self.read(device, 0xC) == 0)
    // Seconds that there are not.
    for (register, value) in [(1, 0x7F), (0xB, 0x26)] as [(UInt64, UInt64)] {
      Self.write(device, register, value)
    }
    moment.pass(seconds: 200_000)
    #expect(Self.read(device, 0xC) == 0x10)
  }

  @Test func `the line rises by itself, by a timer`() throws {
    let thread = try DeviceThread(name: "clock")
    defer { thread.stop() }
    let line = LineRecorder()
    let device = CMOSClock(memoryByteCount: 1 << 20, interrupt: line)
    try device.start(on: thread)
    Self.write(device, 0xB, 0x12)
    #expect(eventually { line.isActive })
    #expect(Self.read(device, 0xC) & 0x90 == 0x90)
    #expect(!line.isActive || line.edges > 1)
    #expect(eventually { line.edges >= 2 }, "the next second has the next interrupt")
  }
}
