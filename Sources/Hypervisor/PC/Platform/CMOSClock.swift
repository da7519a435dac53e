import HostSystem
import Synchronization
public import SystemPackage

/// The real-time clock and its battery-backed memory (Motorola MC146818A datasheet). Any vCPU thread.
///
/// Ports 70h (index) and 71h (data). The time is the host's, in UTC; the clock ignores a guest's writes to the time.
/// The alarm and the end of each update set their flags in register C, and interrupt if register B enables that. There is
/// no periodic interrupt.
public final class CMOSClock: BusDevice {
  /// Registers, by index.
  private enum Register {
    static let seconds = 0
    static let alarmSeconds = 1
    static let minutes = 2
    static let alarmMinutes = 3
    static let hours = 4
    static let alarmHours = 5
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
  /// Registers B (enabled) and C (happened): an update ended.
  private static let updateEnded: UInt8 = 1 << 4
  /// Registers B (enabled) and C (happened): the time of the alarm came.
  private static let alarm: UInt8 = 1 << 5
  /// Register B: the time does not advance, and nothing interrupts.
  private static let updatesAreOff: UInt8 = 1 << 7
  /// Register C: a flag that is enabled in register B is set, and the interrupt line is active.
  private static let interruptRequest: UInt8 = 1 << 7
  /// An alarm register that matches every value has both bits set.
  private static let anyValue: UInt8 = 0xC0
  private static let secondsPerDay: UInt64 = 86_400
  private static let nanosecondsPerSecond: UInt64 = 1_000_000_000
  /// Register D: the battery is fine.
  private static let valid: UInt8 = 1 << 7
  /// With hours to 12: afternoon.
  private static let afternoon: UInt8 = 1 << 7
  /// Length of the update in each second, with the warning before it (table 6 of the datasheet).
  private static let updateNanoseconds: UInt64 = 244_000 + 1_984_000

  private struct State {
    var index = 0
    var memory = [UInt8](repeating: 0, count: 128)
    /// The flags of register C, which reading it clears.
    var flags: UInt8 = 0
    /// The last second whose update has set its flags.
    var seenSecond: UInt64
    var isLineActive = false
    var timer: DeviceTimer?
  }

  private let state: Mutex<State>
  private let interrupt: any InterruptLine
  private let now: @Sendable () -> UInt64

  /// Makes a clock for a machine with `memoryByteCount` bytes of RAM, whose interrupts come once ``start(on:)`` was called.
  ///
  /// - Parameters:
  ///   - interrupt: the line of IRQ 8.
  ///   - now: nanoseconds since 1970-01-01 00:00 UTC.
  public init(
    memoryByteCount: UInt64, interrupt: any InterruptLine,
    now: @escaping @Sendable () -> UInt64 = HostClock.realtimeNanoseconds
  ) {
    var state = State(seenSecond: now() / Self.nanosecondsPerSecond)
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
    self.interrupt = interrupt
    self.now = now
  }

  /// Lets the clock interrupt, by a timer that `thread` waits for. Once, before the guest runs.
  ///
  /// - Throws: EMFILE where the process has too many descriptors.
  public func start(on thread: DeviceThread) throws(Errno) {
    let timer = try DeviceTimer(thread: thread) { [weak self] in self?.catchUp() }
    state.withLock { $0.timer = timer }
  }

  /// Reads the selected register; the index itself cannot be read.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    guard offset == 1, byteCount == 1 else { return .max }
    let now = now()
    return state.withLock { state in
      guard state.index == Register.c else { return UInt64(Self.value(state, now)) }
      Self.noteUpdates(&state, now)
      let flags = state.flags | (Self.isRequesting(state) ? Self.interruptRequest : 0)
      state.flags = 0
      settle(&state, now)
      return UInt64(flags)
    }
  }

  /// Selects a register (bit 7 masks NMIs on a PC and has no effect here), or writes to it.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard byteCount == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    if offset == 0 { return state.withLock { $0.index = Int(byte & 0x7F) } }
    let now = now()
    state.withLock { state in
      // What happened until now happened with the registers as they were.
      Self.noteUpdates(&state, now)
      switch (offset, state.index) {
      case (1, Register.a): state.memory[Register.a] = byte & ~Self.updateInProgress
      case (1, Register.c), (1, Register.d): return
      case (1, let index): state.memory[index] = byte
      default: return
      }
      settle(&state, now)
    }
  }

  /// The timer expired.
  private func catchUp() {
    let now = now()
    state.withLock { state in
      Self.noteUpdates(&state, now)
      settle(&state, now)
    }
  }

  /// Drives the interrupt line, and sets the timer for the next update that may interrupt.
  private func settle(_ state: inout State, _ now: UInt64) {
    let isRequesting = Self.isRequesting(state)
    if isRequesting != state.isLineActive {
      state.isLineActive = isRequesting
      interrupt.set(active: isRequesting)
    }
    guard let timer = state.timer else { return }
    let second = isRequesting ? nil : Self.nextInterrupt(state, after: now / Self.nanosecondsPerSecond)
    timer.set(
      nanoseconds: second.map { $0 * Self.nanosecondsPerSecond - min(now, $0 * Self.nanosecondsPerSecond) })
  }

  private static func isRequesting(_ state: State) -> Bool {
    state.flags & state.memory[Register.b] & (alarm | updateEnded) != 0
  }

  /// Sets the flags of the updates that ended since the last look: each second has one.
  private static func noteUpdates(_ state: inout State, _ now: UInt64) {
    let second = now / nanosecondsPerSecond
    defer { state.seenSecond = second }
    // The host's clock may have been set back.
    guard second > state.seenSecond, state.memory[Register.b] & updatesAreOff == 0 else { return }
    state.flags |= updateEnded
    if let alarmSecond = nextAlarm(state, after: state.seenSecond), alarmSecond <= second {
      state.flags |= alarm
    }
  }

  /// The next second with an interrupt that is enabled.
  private static func nextInterrupt(_ state: State, after second: UInt64) -> UInt64? {
    let enabled = state.memory[Register.b]
    guard enabled & updatesAreOff == 0 else { return nil }
    if enabled & updateEnded != 0 { return second + 1 }
    return enabled & alarm != 0 ? nextAlarm(state, after: second) : nil
  }

  /// The next second that the alarm's registers match, within a day.
  private static func nextAlarm(_ state: State, after second: UInt64) -> UInt64? {
    let memory = state.memory
    func matches(_ register: Int, _ value: UInt8) -> Bool {
      memory[register] & anyValue == anyValue || memory[register] == value
    }
    let midnight = second / secondsPerDay * secondsPerDay
    for day in [midnight, midnight + secondsPerDay] {
      for hour in 0..<24 as Range<UInt64> where matches(Register.alarmHours, hours(hour, state)) {
        for minute in 0..<60 as Range<UInt64> where matches(Register.alarmMinutes, number(minute, state)) {
          for rest in 0..<60 as Range<UInt64> where matches(Register.alarmSeconds, number(rest, state)) {
            let moment = day + hour * 3600 + minute * 60 + rest
            if moment > second { return moment }
          }
        }
      }
    }
    return nil
  }

  private static func value(_ state: State, _ now: UInt64) -> UInt8 {
    let time = CalendarTime(secondsSince1970: now / nanosecondsPerSecond)
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
      let isUpdating = now % nanosecondsPerSecond >= nanosecondsPerSecond - updateNanoseconds
      return state.memory[Register.a] | (isUpdating ? updateInProgress : 0)
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
