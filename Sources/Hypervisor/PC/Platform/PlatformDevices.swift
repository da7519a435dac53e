/// The devices of a PC's board that are neither on PCI nor in KVM (PICs, timer, port 61h, ELCR), on their ports.
public final class PlatformDevices: Sendable {
  /// Power management: the power button, and the guest's power-off.
  public let power: PowerManagement
  /// The port for the exit code of the guest's command.
  public let exitStatus = ExitStatusPort()
  /// The keyboard's and the mouse's controller, to which a display passes input.
  public let keyboard: KeyboardController
  /// The real-time clock, whose interrupts come once it was started.
  public let clock: CMOSClock

  /// Puts the devices onto `ports`, on which their addresses must be free.
  ///
  /// - Parameters:
  ///   - end: the latch by which they end the machine.
  ///   - memoryByteCount: size of the machine's RAM in bytes.
  ///   - hasMouse: whether there is a PS/2 mouse, as in a machine with a display.
  ///   - showText: takes the lines that the guest writes to the debug ports; the default writes them to the log.
  ///   - interruptLine: makes the line of a GSI.
  public init(
    ports: AddressBus, end: MachineEndLatch, memoryByteCount: UInt64, hasMouse: Bool = false,
    showText: @escaping @Sendable (String) -> Void = DebugConsole.log,
    interruptLine: (_ gsi: UInt32) -> any InterruptLine
  ) {
    power = PowerManagement(
      end: end, interrupt: interruptLine(UInt32(InterruptWiring.systemControlInterrupt)))
    keyboard = KeyboardController(end: end, hasMouse: hasMouse, interruptLine: interruptLine)
    clock = CMOSClock(memoryByteCount: memoryByteCount, interrupt: interruptLine(8))
    let claims: [(start: UInt64, byteCount: UInt64, device: any BusDevice)] = [
      (0x60, 1, keyboard),
      (0x64, 1, OffsetPort(keyboard, offset: KeyboardController.commandOffset)),
      (0x70, 2, clock),
      (0x80, 1, SilentPort()),
      (0x92, 1, SystemControlPort(end: end)),
      (0xE0, 1, DebugConsole(show: showText)),
      (0xED, 1, SilentPort()),
      (0xF4, 1, exitStatus),
      (0x402, 1, DebugConsole(show: showText)),
      (UInt64(ACPIPorts.pm1aEvent.rawValue), PowerManagement.byteCount, power),
    ]
    for claim in claims {
      let inserted = ports.insert(claim.device, start: claim.start, byteCount: claim.byteCount)
      precondition(inserted, "port \(hex(claim.start)) is taken")
    }
  }
}

/// One of several ranges of a device, which adds the range's offset into the device.
private final class OffsetPort: BusDevice {
  private let device: any BusDevice
  private let offset: UInt64

  init(_ device: any BusDevice, offset: UInt64) {
    self.device = device
    self.offset = offset
  }

  func read(offset: UInt64, byteCount: Int) -> UInt64 {
    device.read(offset: self.offset &+ offset, byteCount: byteCount)
  }

  func write(offset: UInt64, byteCount: Int, value: UInt64) {
    device.write(offset: self.offset &+ offset, byteCount: byteCount, value: value)
  }
}

/// A port that ignores every access: 80h (progress codes of firmware) and EDh (written to cause a delay).
///
/// The ports are claimed so that accesses do not count as errors.
public final class SilentPort: BusDevice {
  /// Makes a port.
  public init() {}

  /// Returns all ones.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Does nothing.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {}
}
