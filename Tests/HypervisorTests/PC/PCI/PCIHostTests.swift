import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing

/// Configuration mechanism 1, as a guest's firmware or kernel uses it.
@Suite struct PCIHostTests {
  /// Remembers what is written to the reset control register.
  private final class ResetControl: BusDevice {
    private let values = Mutex<[UInt64]>([])
    var written: [UInt64] { values.withLock { $0 } }
    func read(offset: UInt64, byteCount: Int) -> UInt64 { 0x42 }
    func write(offset: UInt64, byteCount: Int, value: UInt64) { values.withLock { $0.append(value) } }
  }

  /// A function with two memory BARs and one of ports, two vendor capabilities, MSI-X in BAR 2, a pin and notifications.
  private final class Function: PCIFunction {
    let configuration: PCIConfigurationSpace
    let pin = PCIInterruptPin()
    let notifications = [
      PCINotification(bar: 0, offset: 0x20, eventDescriptor: 77),
      PCINotification(
        bar: 1, offset: 0x10, condition: .init(byteCount: 2, value: 3), eventDescriptor: 78),
    ]
    private let last = Mutex<[UInt64]>([])

    /// BAR, offset, length and value of the last write.
    var lastWrite: [UInt64] { last.withLock { $0 } }

    init(router: any MessageInterruptRouter) throws {
      configuration = PCIConfigurationSpace(
        identity: PCIIdentity(vendor: 0x1234, device: 0x5678, classCode: 0x01_80_00, revision: 3),
        bars: [0: 0x1000, 4: 0x10], portBARs: [1: 0x40],
        vendorCapabilities: [
          PCICapability(body: [0xAA, 0xBB, 0xCC], writable: 1..<2), PCICapability(body: [0x11]),
        ],
        msix: (bar: 2, table: try MSIXTable(vectorCount: 5, router: router)), interruptPin: pin)
    }

    func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 { UInt64(bar) << 16 | offset }
    func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
      last.withLock { $0 = [UInt64(bar), offset, UInt64(byteCount), value] }
    }
  }

  private let bus = AddressBus()
  private let ports = AddressBus()
  private let recorder = VirtioEventRecorder()
  private let lines = InterruptLineRecorder()
  private let resetControl = ResetControl()
  private let host: PCIHost
  private let function: Function
  private let slot: Int

  init() throws {
    host = PCIHost(
      memoryBus: bus, portBus: ports, registrar: recorder, resetControl: resetControl,
      interruptLine: lines.line)
    function = try Function(router: recorder)
    slot = try host.add(function)
  }

  private func address(_ register: UInt64, device: UInt64 = 1) -> UInt64 {
    1 << 31 | device << 11 | register & 0xFC
  }

  private func read(_ register: UInt64, byteCount: Int = 4, device: UInt64 = 1) -> UInt64 {
    host.write(offset: 0, byteCount: 4, value: address(register, device: device))
    return host.read(offset: 4 + (register & 3), byteCount: byteCount)
  }

  private func write(_ register: UInt64, byteCount: Int = 4, _ value: UInt64) {
    host.write(offset: 0, byteCount: 4, value: address(register))
    host.write(offset: 4 + (register & 3), byteCount: byteCount, value: value)
  }

  @Test func `a function shows its identity, by bytes too`() {
    #expect(read(0) == 0x5678_1234)
    #expect(read(8) == 0x0180_0003)
    #expect(read(2, byteCount: 2) == 0x5678)
    #expect(read(3, byteCount: 1) == 0x56)
    #expect(read(0x2C) == 0x5678_1234)
    write(0, 0)
    #expect(read(0) == 0x5678_1234)
    #expect(host.read(offset: 0, byteCount: 4) == address(0))
  }

  @Test func `an address without a device reads as all ones`() {
    #expect(read(0, device: 2) & 0xFFFF_FFFF == 0xFFFF_FFFF)
    for bits in [0, 1 << 16, 1 << 8] as [UInt64] {
      // Without the enable bit, on another bus, of another function.
      let enable: UInt64 = bits == 0 ? 0 : 1 << 31
      host.write(offset: 0, byteCount: 4, value: enable | bits | 1 << 11)
      #expect(host.read(offset: 4, byteCount: 4) & 0xFFFF_FFFF == 0xFFFF_FFFF)
    }
    // The address register takes 32 bits at once and nothing else.
    host.write(offset: 0, byteCount: 4, value: address(8))
    host.write(offset: 0, byteCount: 2, value: 0)
    host.write(offset: 1, byteCount: 1, value: 0)
    #expect(host.read(offset: 0, byteCount: 4) == address(8))
  }

  @Test(arguments: [(0, 0x1000), (2, 0x1000), (4, 0x10)] as [(UInt64, UInt64)])
  func `a BAR reports its size`(bar: UInt64, byteCount: UInt64) {
    let register = 0x10 + bar * 4
    let original = read(register)
    #expect(original >= PCIHost.barWindowStart)
    #expect(original < PCIHost.barWindowEnd)
    write(register, 0xFFFF_FFFF)
    #expect(read(register) == 0x1_0000_0000 - byteCount)
    write(register, original)
    #expect(read(register) == original)
  }

  @Test func `a BAR that is not there stays zero`() {
    for bar in [3, 5] as [UInt64] {
      write(0x10 + bar * 4, 0xFFFF_FFFF)
      #expect(read(0x10 + bar * 4) == 0)
    }
  }

  @Test func `BARs answer while memory is enabled, and only then`() {
    let start = read(0x10)
    #expect(bus.read(start + 8, byteCount: 8) == .max)
    #expect(recorder.notification(at: start + 0x20) == nil)
    write(4, byteCount: 2, 0b110)
    #expect(bus.read(start + 8, byteCount: 8) == 8)
    #expect(bus.read(read(0x20) + 4, byteCount: 8) == 4 << 16 | 4)
    #expect(recorder.notification(at: start + 0x20) == 77)
    bus.write(start + 0x10, byteCount: 4, value: 9)
    #expect(function.lastWrite == [0, 0x10, 4, 9])
    write(4, byteCount: 2, 0)
    #expect(bus.read(start + 8, byteCount: 8) == .max)
    #expect(recorder.notification(at: start + 0x20) == nil)
  }

  @Test func `a BAR that is moved answers in its new place, and so do its notifications`() {
    write(4, byteCount: 2, 0b10)
    let old = read(0x10)
    write(0x10, 0xD000_0000)
    #expect(bus.read(old + 8, byteCount: 8) == .max)
    #expect(bus.read(0xD000_0008, byteCount: 8) == 8)
    #expect(recorder.notification(at: old + 0x20) == nil)
    #expect(recorder.notification(at: 0xD000_0020) == 77)
  }

  @Test func `a BAR that is moved onto another one does not take its place`() {
    write(4, byteCount: 2, 0b10)
    let first = read(0x10)
    write(0x20, first)
    #expect(bus.read(first + 8, byteCount: 8) == 8)
    write(0x20, 0xD000_0000)
    #expect(bus.read(0xD000_0000, byteCount: 8) == 4 << 16)
    #expect(bus.read(first + 8, byteCount: 8) == 8)
  }

  @Test func `two BARs that swap their places both answer in the end`() {
    write(4, byteCount: 2, 0b10)
    let (first, second) = (read(0x10), read(0x20))
    write(0x10, second)
    write(0x20, first)
    #expect(bus.read(second + 8, byteCount: 8) == 8)
    #expect(bus.read(first, byteCount: 8) == 4 << 16)
    #expect(recorder.notification(at: second + 0x20) == 77)
  }

  @Test func `the capability list leads through all capabilities to its end`() {
    #expect(read(4) >> 16 & 1 << 4 != 0)
    var found: [(id: UInt64, offset: UInt64)] = []
    var next = read(0x34, byteCount: 1)
    while next != 0, found.count < 10 {
      found.append((read(next, byteCount: 1), next))
      next = read(next + 1, byteCount: 1)
    }
    #expect(found.map(\.id) == [0x09, 0x09, 0x11])
    #expect(found.allSatisfy { $0.offset % 4 == 0 && $0.offset >= 0x40 })
    #expect(read(found[0].offset + 2, byteCount: 1) == 0xAA)
    #expect(read(found[0].offset + 4, byteCount: 1) == 0xCC)
    #expect(read(found[1].offset + 2, byteCount: 1) == 0x11)
    let msix = found[2].offset
    #expect(read(msix + 2, byteCount: 2) == 4)
    #expect(read(msix + 4) == 2)
    #expect(read(msix + 8) == MSIXTable.pendingOffset | 2)
    // Of the control word, enable and mask can be written.
    write(msix + 2, byteCount: 2, 0xFFFF)
    #expect(read(msix + 2, byteCount: 2) == 0xC004)
  }

  @Test func `of the command register four bits can be written`() {
    write(4, 0xFFFF_FFFF)
    #expect(read(4, byteCount: 2) == 0b100_0000_0111)
    #expect(read(6, byteCount: 2) == 1 << 4)
  }

  @Test func `the table in its BAR is reached through the memory bus`() {
    write(4, byteCount: 2, 0b10)
    let table = read(0x18)
    bus.write(table + 16, byteCount: 4, value: 0xFEE0_1000)
    #expect(bus.read(table + 16, byteCount: 8) == 0xFEE0_1000)
    #expect(bus.read(table + 12, byteCount: 4) == 1)
  }

  @Test func `functions beyond the slots are refused`() throws {
    for expected in 2..<32 { #expect(try host.add(Function(router: recorder)) == expected) }
    let more = try Function(router: recorder)
    #expect(throws: PCIHostError.noSlot(limit: 31)) { try host.add(more) }
  }

  @Test func `slot 0 is the host bridge, without BARs and interrupts`() {
    #expect(slot == 1)
    #expect(read(8, device: 0) >> 16 == 0x0600)
    #expect(read(0x0C, device: 0) & 0x00FF_0000 == 0)
    for register in stride(from: 0x10 as UInt64, to: 0x40, by: 4) {
      #expect(read(register, device: 0) == (register == 0x2C ? 0x0008_1B36 : 0))
    }
  }

  @Test func `a port BAR reports its size and answers on the port bus while ports are enabled`() {
    let start = read(0x14) & ~3
    #expect(read(0x14) & 3 == 1)
    #expect(start >= PCIHost.portWindowStart)
    write(0x14, 0xFFFF_FFFF)
    #expect(read(0x14) == 0xFFFF_FFC1)
    write(0x14, start)
    #expect(ports.read(start + 8, byteCount: 2) == 0xFFFF)
    write(4, byteCount: 2, 0b10)
    #expect(ports.read(start + 8, byteCount: 2) == 0xFFFF)
    write(4, byteCount: 2, 0b01)
    #expect(ports.read(start + 8, byteCount: 4) == 1 << 16 | 8)
    #expect(recorder.notification(atPort: start + 0x10, value: 3) == 78)
    ports.write(start + 4, byteCount: 1, value: 9)
    #expect(function.lastWrite == [1, 4, 1, 9])
    write(0x14, 0xE000)
    #expect(ports.read(start + 8, byteCount: 2) == 0xFFFF)
    #expect(ports.read(0xE000, byteCount: 4) == 1 << 16)
    #expect(recorder.notification(atPort: start + 0x10, value: 3) == nil)
    #expect(recorder.notification(atPort: 0xE010, value: 3) == 78)
  }

  @Test func `a port BAR beyond the last port answers nowhere`() {
    write(4, byteCount: 2, 0b01)
    write(0x14, 0x0001_0000)
    #expect(ports.read(0, byteCount: 1) == 0xFF)
    #expect(recorder.notificationCount == 0)
    write(0x14, 0xFFC0)
    #expect(ports.read(0xFFC0, byteCount: 4) == 1 << 16)
  }

  @Test func `the configuration area shows the same functions`() {
    let area = PCIHost.configurationAreaStart + 1 << 15
    #expect(bus.read(area, byteCount: 4) == 0x5678_1234)
    #expect(bus.read(area + 3, byteCount: 1) == 0x56)
    bus.write(area + 4, byteCount: 2, value: 0b10)
    #expect(bus.read(read(0x10) + 8, byteCount: 8) == 8)
    // Behind the 256 bytes, another function, an empty slot, and eight bytes at once.
    #expect(bus.read(area + 0x100, byteCount: 4) == 0xFFFF_FFFF)
    #expect(bus.read(area + 1 << 12, byteCount: 4) == 0xFFFF_FFFF)
    #expect(bus.read(area + 1 << 15, byteCount: 4) == 0xFFFF_FFFF)
    #expect(bus.read(area, byteCount: 8) == .max)
    bus.write(area + 4, byteCount: 8, value: 0)
    #expect(read(4, byteCount: 2) == 0b10)
  }

  @Test func `a byte at CF9h is reset control, and no part of the address register`() {
    host.write(offset: 0, byteCount: 4, value: address(8))
    host.write(offset: 1, byteCount: 1, value: 6)
    host.write(offset: 1, byteCount: 2, value: 7)
    host.write(offset: 3, byteCount: 1, value: 1)
    #expect(resetControl.written == [6])
    #expect(host.read(offset: 1, byteCount: 1) == 0x42)
    #expect(host.read(offset: 2, byteCount: 1) == .max)
    #expect(host.read(offset: 0, byteCount: 2) == .max)
    #expect(host.read(offset: 0, byteCount: 4) == address(8))
  }

  @Test func `the pin drives the slot's line, as far as the guest lets it`() {
    #expect(read(0x3D, byteCount: 1) == 1)
    #expect(read(0x3C, byteCount: 1) == 17)
    function.pin.set(active: true)
    #expect(lines.active == [17])
    #expect(read(6, byteCount: 2) & 1 << 3 != 0)
    write(4, byteCount: 2, 1 << 10)
    #expect(lines.active == [])
    #expect(read(6, byteCount: 2) & 1 << 3 != 0)
    write(4, byteCount: 2, 0)
    #expect(lines.active == [17])
    function.pin.set(active: false)
    #expect(lines.active == [])
    #expect(read(6, byteCount: 2) & 1 << 3 == 0)
  }

  @Test func `MSI-X takes the interrupts away from the pin`() {
    function.pin.set(active: true)
    let msix = UInt64(function.configuration.vendorCapabilityOffsets[1] + 4)
    #expect(read(msix, byteCount: 1) == 0x11)
    write(msix + 2, byteCount: 2, 0x8000)
    #expect(lines.active == [])
    #expect(read(6, byteCount: 2) & 1 << 3 == 0)
    write(msix + 2, byteCount: 2, 0)
    #expect(lines.active == [17])
  }

  @Test func `functions that share a line assert it together`() throws {
    var others: [Function] = []
    for _ in 2...9 {
      others.append(try Function(router: recorder))
      try host.add(others[others.count - 1])
    }
    let other = others[7]
    function.pin.set(active: true)
    other.pin.set(active: true)
    others[0].pin.set(active: true)
    #expect(lines.active == [17, 18])
    function.pin.set(active: false)
    #expect(lines.active == [17, 18])
    other.pin.set(active: false)
    #expect(lines.active == [18])
    #expect(lines.changeCount(17) == 2)
  }

  @Test func `a capability's writable bytes can be written, and no others`() {
    let capability = UInt64(function.configuration.vendorCapabilityOffsets[0])
    write(capability, 0)
    #expect(read(capability + 2, byteCount: 2) == 0x00AA)
    #expect(read(capability, byteCount: 1) == 0x09)
    #expect(read(capability + 4, byteCount: 1) == 0xCC)
  }

  @Test func `random accesses never trap`() {
    var generator = SplitMix64(seed: 31)
    for _ in 0..<20_000 {
      let value = generator.next()
      host.write(
        offset: 0, byteCount: 4,
        value: value & 0x3FC | (value & 7 != 0 ? 1 << 31 : 0) | (value >> 16 & 3) << 11)
      let offset = 4 + (value >> 20 & 3)
      let byteCount = [1, 2, 4][Int(value >> 24 % 3) % 3]
      host.write(offset: offset, byteCount: byteCount, value: generator.next())
      _ = host.read(offset: offset, byteCount: byteCount)
      bus.write(generator.next() & 0xFFFF_FFFF, byteCount: 8, value: value)
    }
    #expect(read(0) == 0x5678_1234)
  }
}
