import Hypervisor
import Testing

/// The CMOS clock, read as a kernel does.
@Suite struct PlatformClockTests {
  private static func clock(_ nanoseconds: UInt64, memory: UInt64 = 512 << 20) -> (UInt64) -> UInt64 {
    let device = CMOSClock(memoryByteCount: memory) { nanoseconds }
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
    let device = CMOSClock(memoryByteCount: 1 << 20) { 1_735_689_599 * 1_000_000_000 }
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
    #expect(board.clock(0xC) == 0)
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
}
