import Synchronization

/// ACPI's fixed power management registers and the power button. Any thread.
///
/// The PM1a event and control blocks (ACPI 6.5 §4.8.4.1, §4.8.4.2), six ports from ``ACPIPorts/pm1aEvent`` on.
public final class PowerManagement: BusDevice {
  /// Size of both blocks in bytes; they are adjacent.
  public static let byteCount = UInt64(ACPIPorts.pm1aEventByteCount + ACPIPorts.pm1aControlByteCount)

  /// Bits of the status and enable registers.
  private enum Event {
    static let globalLock: UInt16 = 1 << 5
    static let powerButton: UInt16 = 1 << 8
    static let sleepButton: UInt16 = 1 << 9
    static let clock: UInt16 = 1 << 10
    static let wake: UInt16 = 1 << 15
    static let enableable = globalLock | powerButton | sleepButton | clock
    static let clearable = enableable | wake
  }

  private struct State {
    var status: UInt16 = 0
    var enable: UInt16 = 0
    var control: UInt16 = ACPIPorts.sciEnable

    var bytes: [UInt8] {
      [status, enable, control].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    }
  }

  private let state = Mutex(State())
  private let end: MachineEndLatch
  private let interrupt: any InterruptLine

  /// Makes registers that end the machine through `end` and drive `interrupt`, the system control interrupt's line.
  public init(end: MachineEndLatch, interrupt: any InterruptLine) {
    self.end = end
    self.interrupt = interrupt
  }

  /// Presses the power button, upon which an operating system shuts down if it enabled the button's event.
  ///
  /// - Returns: whether the event is enabled.
  @discardableResult
  public func pressPowerButton() -> Bool {
    state.withLock { state in
      state.status |= Event.powerButton
      update(state)
      return state.enable & Event.powerButton != 0
    }
  }

  /// Reads any bytes of the registers.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    let bytes = state.withLock { $0.bytes }
    return (0..<8).reduce(0) { value, index in
      guard index < byteCount else { return value }
      let (place, overflow) = offset.addingReportingOverflow(UInt64(index))
      let byte = !overflow && place < Self.byteCount ? bytes[Int(place)] : 0xFF
      return value | UInt64(byte) << UInt64(index * 8)
    }
  }

  /// Writes any bytes of the registers: a one clears a status bit, and SLP_EN with S5's type powers off.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    let isOff = state.withLock { state in
      var isOff = false
      for index in 0..<min(max(byteCount, 0), 8) {
        let (place, overflow) = offset.addingReportingOverflow(UInt64(index))
        guard !overflow else { break }
        let byte = UInt16(truncatingIfNeeded: value >> UInt64(index * 8)) & 0xFF
        let shift = UInt16(place & 1) * 8
        let mask = 0xFF << shift as UInt16
        switch place {
        case 0, 1: state.status &= ~(byte << shift & Event.clearable)
        case 2, 3: state.enable = state.enable & ~mask | byte << shift & Event.enableable
        case 4, 5:
          let control = state.control & ~mask | byte << shift
          isOff = isOff || ACPIPorts.isPowerOff(control)
          state.control = control & ~ACPIPorts.sleepEnable | ACPIPorts.sciEnable
        default: break
        }
      }
      update(state)
      return isOff
    }
    if isOff { end.end(.poweredOff) }
  }

  private func update(_ state: State) { interrupt.set(active: state.status & state.enable != 0) }
}
