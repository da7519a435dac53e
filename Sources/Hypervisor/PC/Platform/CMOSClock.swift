import HostSystem
import Synchronization

/// The real-time clock and its battery-backed memory (Motorola MC146818A datasheet). Any vCPU thread.
///
/// Ports 70h (index) and 71h (data). The time is the host's, in UTC; the clock ignores a guest's writes to the time.
/// There is neither alarm nor periodic interrupt: their registers keep values, and register C never shows one.
public final class CMOSClock: BusDevice {
  /// Registers, by index.
  private enum Register {
    static let seconds = 0
    static let minutes = 2
    static let hours = 4
    static let weekday = 6
    static let day = 7
    static let month = 8
    static let year = 9
    static let a = 0xA
    static let b = 0xB
    static let c = 0xC
    static let d = 0xD
    static let baseMemory = 0x15
    static let extendedMemory = 0x17
    static let extendedMemoryCopy = 0x30
    static let century = 0x32
    static let memoryAbove16MiB = 0x34
    static let memoryAbove4GiB = 0x5B
  }

  /// Register A: the time is about to change.
  private static let updateInProgress: UInt8 = 1 << 7
  /// Register A: a 32,768 Hz crystal, interrupts at 1,024 Hz.
  private static let dividerAndRate: UInt8 = 0x26
  /// Register B: numbers are binary and not BCD.
  private static let binary: UInt8 = 1 << 2
  /// Register B: hours go to 24.
  private static let twentyFourHours: UInt8 = 1 << 1
  /// Register D: the battery is fine.
  private static let valid: UInt8 = 1 << 7
  /// With hours to 12: afternoon.
  private static let afternoon: UInt8 = 1 << 7
  /// Length of the update in each second, with the warning before it (table 6 of the datasheet).
  private static let updateNanoseconds: UInt64 = 244_000 + 1_984_000

  private struct State {
    var index = 0
    var memory = [UInt8](repeating: 0, count: 128)
  }

  private let state: Mutex<State>
  private let now: @Sendable () -> UInt64

  /// Makes a clock for a machine with `memoryByteCount` bytes of RAM.
  ///
  /// - Parameter now: nanoseconds since 1970-01-01 00:00 UTC.
  public init(
    memoryByteCount: UInt64, now: @escaping @Sendable () -> UInt64 = HostClock.realtimeNanoseconds
  ) {
    var state = State()
    state.memory[Register.a] = Self.dividerAndRate
    state.memory[Register.b] = Self.twentyFourHours
    let kibibytesAbove1MiB = UInt64(memoryByteCount >> 10).subtractingWithoutUnderflow(1 << 10)
    let lowByteCount = min(memoryByteCount, GuestMemory.pciHoleStart)
    let unitsAbove16MiB = UInt64(lowByteCount >> 16).subtractingWithoutUnderflow(1 << 8)
    let unitsAbove4GiB = memoryByteCount.subtractingWithoutUnderflow(GuestMemory.pciHoleStart) >> 16
    Self.put(&state.memory, Register.baseMemory, 640, byteCount: 2)
    Self.put(&state.memory, Register.extendedMemory, min(kibibytesAbove1MiB, 0xFFFF), byteCount: 2)
    Self.put(&state.memory, Register.extendedMemoryCopy, min(kibibytesAbove1MiB, 0xFFFF), byteCount: 2)
    Self.put(&state.memory, Register.memoryAbove16MiB, min(unitsAbove16MiB, 0xFFFF), byteCount: 2)
    Self.put(&state.memory, Register.memoryAbove4GiB, min(unitsAbove4GiB, 0xFF_FFFF), byteCount: 3)
    self.state = Mutex(state)
    self.now = now
  }

  /// Reads the selected register; the index itself cannot be read.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    guard offset == 1, byteCount == 1 else { return .max }
    let now = now()
    return state.withLock { UInt64(Self.value($0, now)) }
  }

  /// Selects a register (bit 7 masks NMIs on a PC and has no effect here), or writes to it.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard byteCount == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    state.withLock { state in
      switch (offset, state.index) {
      case (0, _): state.index = Int(byte & 0x7F)
      case (1, Register.a): state.memory[Register.a] = byte & ~Self.updateInProgress
      case (1, Register.c), (1, Register.d): return
      case (1, let index): state.memory[index] = byte
      default: return
      }
    }
  }

  private static func value(_ state: State, _ now: UInt64) -> UInt8 {
    let time = CalendarTime(secondsSince1970: now / 1_000_000_000)
    switch state.index {
    case Register.seconds: return number(time.second, state)
    case Register.minutes: return number(time.minute, state)
    case Register.hours: return hours(time.hour, state)
    case Register.weekday: return number(time.weekday, state)
    case Register.day: return number(time.day, state)
    case Register.month: return number(time.month, state)
    case Register.year: return number(time.year % 100, state)
    case Register.century: return number(time.year / 100 % 100, state)
    case Register.a:
      let isUpdating = now % 1_000_000_000 >= 1_000_000_000 - updateNanoseconds
      return state.memory[Register.a] | (isUpdating ? updateInProgress : 0)
    case Register.c: return 0
    case Register.d: return valid
    case let index: return state.memory[index]
    }
  }

  /// `value`, below 100, in the format that register B selects.
  private static func number(_ value: UInt64, _ state: State) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: value % 100)
    return state.memory[Register.b] & binary != 0 ? value : (value / 10) << 4 | value % 10
  }

  private static func hours(_ hour: UInt64, _ state: State) -> UInt8 {
    if state.memory[Register.b] & twentyFourHours != 0 { return number(hour, state) }
    return number((hour + 11) % 12 + 1, state) | (hour >= 12 ? afternoon : 0)
  }

  private static func put(_ memory: inout [UInt8], _ index: Int, _ value: UInt64, byteCount: Int) {
    for byte in 0..<byteCount { memory[index + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }
}

extension UInt64 {
  /// The difference, or zero.
  fileprivate func subtractingWithoutUnderflow(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
