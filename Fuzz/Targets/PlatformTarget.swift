import Hypervisor
import SystemPackage
import TestSupport
import VextProtocol

/// The devices of the board: any access to any port of theirs, and of their neighbours.
final class PlatformTarget: FuzzTarget {
  private static let ports: [UInt64] = [
    0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0xE0, 0xED, 0xF4, 0x402, 0x510, 0x511, 0x514, 0x518, 0x600,
    0x602, 0x604, 0xCF8, 0xCF9, 0xCFC,
  ]
  private static let widths = [1, 1, 1, 2, 4, 8]
  /// Command bytes of the keyboard controller and of what is behind it, and bits of other ports.
  private static let values: [UInt64] = [
    0x20, 0x60, 0xAA, 0xAB, 0xAD, 0xAE, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xF0, 0xFE, 0xED, 0xF2, 0xF4, 0xF6,
    0xFF,
    0x0A, 0x0B, 0x0C, 0x2000, 0x3400,
    // Selectors, and the big-endian address of a request of DMA.
    0x19, 0x21, 0x0010_0000,
  ]
  /// Control words of DMA: read, skip, select, write.
  private static let dmaControls: [UInt32] = [0x02, 0x04, 0x08, 0x10, 0x0019_000A, 0x0022_000A]

  /// What firmware may ask for.
  private static let items = FirmwareItems(memoryByteCount: 5 << 30, vcpuCount: 2, bootSlots: [1])

  func run(_ input: inout FuzzInput) throws {
    let lines = InterruptLineRecorder()
    let end = try MachineEndLatch()
    let ports = AddressBus()
    let memory = AddressBus()
    let devices = PlatformDevices(
      ports: ports, end: end, memoryByteCount: 1 << (12 + UInt64(input.below(36))),
      hasMouse: input.happens(oneIn: 2), showText: { _ in },
      interruptLine: lines.line)
    let host = PCIHost(
      memoryBus: memory, portBus: ports, registrar: VirtioEventRecorder(),
      resetControl: ResetControlRegister(end: end), interruptLine: lines.line)
    try FuzzFailure.check(
      ports.insert(host, start: UInt64(PCIHost.firstPort.rawValue), byteCount: PCIHost.portCount),
      "the PCI host's ports are taken")
    let ram = try GuestMemory(byteCount: 64 << 10)
    try FuzzFailure.check(
      ports.insert(
        FirmwareConfigurationDevice(Self.items, memory: ram), start: FirmwareConfigurationDevice.firstPort,
        byteCount: FirmwareConfigurationDevice.portCount), "the firmware's ports are taken")
    while !input.isExhausted {
      let port = input.changed(input.pick(Self.ports), oneIn: 16)
      let byteCount = input.pick(Self.widths)
      switch input.below(6) {
      case 0, 1:
        let value = input.happens(oneIn: 2) ? input.interesting(UInt64.self) : input.pick(Self.values)
        ports.write(port, byteCount: byteCount, value: value)
      case 2:
        let value = ports.read(port, byteCount: byteCount)
        try FuzzFailure.check(
          value & ~AddressBus.floating(byteCount) == 0, "\(byteCount) bytes were read as \(value)")
      case 3:
        let number = input.interesting(UInt64.self)
        if input.happens(oneIn: 2) {
          devices.keyboard.report(
            KeyCode(UInt16(truncatingIfNeeded: number)), isDown: input.happens(oneIn: 2))
        } else {
          devices.keyboard.report(
            PointerMovement(
              right: Int32(truncatingIfNeeded: number), down: Int32(truncatingIfNeeded: number >> 32),
              wheel: Int32(truncatingIfNeeded: number >> 16),
              buttons: PointerMovement.Buttons(rawValue: UInt8(truncatingIfNeeded: number))))
        }
      case 4:
        // What a request of DMA consists of, at 1000h.
        try ram.store(input.pick(Self.dmaControls).byteSwapped, at: GuestAddress(0x1000))
        try ram.store(input.interesting(UInt32.self).byteSwapped, at: GuestAddress(0x1004))
        try ram.store(input.interesting(UInt64.self).byteSwapped, at: GuestAddress(0x1008))
        ports.write(0x518, byteCount: 4, value: 0x0010_0000)
      default: if input.happens(oneIn: 8) { _ = devices.power.pressPowerButton() }
      }
    }
  }
}
