/// The devices of a PC's board that are not on PCI, on their ports. KVM has the others: PICs, timer, port 61h, ELCR.
public final class PlatformDevices: Sendable {
  /// The power button, and how the guest switches off.
  public let power: PowerManagement
  /// Where the guest leaves the exit code of its command.
  public let exitStatus = ExitStatusPort()

  /// Puts the devices onto `ports`, which must have those free.
  ///
  /// - Parameters:
  ///   - end: how they end the machine.
  ///   - memoryByteCount: the machine's RAM.
  ///   - showText: takes the lines that the guest writes to the debug ports; they go to the log unless given.
  ///   - interruptLine: makes the line of a GSI.
  public init(
    ports: AddressBus, end: MachineEndLatch, memoryByteCount: UInt64,
    showText: @escaping @Sendable (String) -> Void = DebugConsole.log,
    interruptLine: (_ gsi: UInt32) -> any InterruptLine
  ) {
    power = PowerManagement(
      end: end, interrupt: interruptLine(UInt32(InterruptWiring.systemControlInterrupt)))
    let keyboard = KeyboardController(end: end, interrupt: interruptLine(1))
    let claims: [(start: UInt64, byteCount: UInt64, device: any BusDevice)] = [
      (0x60, 1, keyboard),
      (0x64, 1, OffsetPort(keyboard, offset: KeyboardController.commandOffset)),
      (0x70, 2, CMOSClock(memoryByteCount: memoryByteCount)),
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

/// One of several ranges of a device: its accesses carry the range's offset into the device.
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
