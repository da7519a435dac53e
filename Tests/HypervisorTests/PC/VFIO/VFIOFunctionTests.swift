import HostSystem
import Testing

@testable import Hypervisor

/// The configuration space and the BARs of a device of the host, as its guest sees them.
@Suite struct VFIOFunctionTests {
  @Test func `a guest finds the device's identity, and one function with INTA`() throws {
    let fixture = try VFIOFixture()
    #expect(fixture.read(0) == 0x0010_1B36)
    #expect(fixture.read(8) == 0x0108_0202)
    #expect(fixture.read(0x2C) == 0x1100_1AF4)
    #expect(fixture.read(0x0E, 1) == 0)
    #expect(fixture.read(0x3D, 1) == 1)
    #expect(fixture.read(0x3C, 1) == UInt64(InterruptWiring.gsi(ofPCISlot: fixture.slot)))
  }

  @Test
  func `power management and what is not known are hidden, and the other capabilities stay where they are`()
    throws
  {
    let fixture = try VFIOFixture()
    #expect(
      fixture.capabilities == [
        VFIOFixture.msi: 5, VFIOFixture.express: 0x10, VFIOFixture.msix: 0x11, VFIOFixture.vendor: 9,
      ])
    #expect(fixture.read(VFIOFixture.power) == 0)
    // MSI: four messages, 64-bit addresses and masks; neither on nor with an address.
    #expect(fixture.read(VFIOFixture.msi + 2, 2) == 0x0184)
    #expect(fixture.read(VFIOFixture.msix + 2, 2) == 7)
    // Extended capabilities are not there.
    #expect(fixture.read(0x100) == 0xFFFF_FFFF)
  }

  @Test func `capabilities in a circle, and tables outside of their BAR, end the search without harm`() throws
  {
    let circle = try VFIOFixture(
      VFIOFixture.nvme { bytes in bytes[VFIOFixture.vendor + 1] = UInt8(VFIOFixture.msi) })
    #expect(circle.capabilities.count == 4)
    let outside = try VFIOFixture(VFIOFixture.nvme { bytes in bytes[VFIOFixture.msix + 5] = 0x40 })
    #expect(outside.capabilities[VFIOFixture.msix] == nil)
    let cut = try VFIOFixture(
      VFIOFixture.nvme { bytes in
        bytes[VFIOFixture.msix + 1] = 0xFC
        bytes[0xFC] = 0x05
      })
    #expect(cut.capabilities[0xFC] == nil)
  }

  @Test func `reads and writes of a capability that is passed on reach the device with their width`() throws {
    let fixture = try VFIOFixture()
    // ID and link are the guest's, the rest is the device's.
    #expect(fixture.read(VFIOFixture.express) == 0x0002_0000 | UInt64(VFIOFixture.msix) << 8 | 0x10)
    fixture.device.setByte(0x5A, region: VFIORegion.Index.configuration, UInt64(VFIOFixture.express + 8))
    #expect(fixture.read(VFIOFixture.express + 8, 1) == 0x5A)
    fixture.write(VFIOFixture.express + 8, 2, 0x1234)
    fixture.write(VFIOFixture.vendor, 4, 0x9988_7766)
    #expect(
      fixture.device.takeEvents().filter { $0 != .reset } == [
        .write(region: 7, offset: UInt64(VFIOFixture.express + 8), byteCount: 2, value: 0x1234),
        .write(region: 7, offset: UInt64(VFIOFixture.vendor + 2), byteCount: 2, value: 0x9988),
      ])
    // The vendor's capability has eight bytes.
    fixture.write(VFIOFixture.vendor + 8, 4, 1)
    #expect(fixture.device.takeEvents().isEmpty)
  }

  @Test func `BARs are of 32 bits, and the device keeps answering to them`() throws {
    let fixture = try VFIOFixture()
    fixture.write(0x10, 4, 0xFFFF_FFFF)
    #expect(fixture.read(0x10) == 0xFFFF_C000)
    fixture.write(0x14, 4, 0xFFFF_FFFF)
    #expect(fixture.read(0x14) == 0)
    fixture.write(0x18, 4, 0xFFFF_FFFF)
    #expect(fixture.read(0x18) == 0xFFFF_FFE1)
    fixture.write(0x30, 4, 0xFFFF_F800)
    #expect(fixture.read(0x30) == 0xFFFF_F000)
    fixture.write(4, 2, 3)
    fixture.write(4, 2, 0)
    #expect(fixture.device.takeEvents().isEmpty)
  }

  @Test func `the guest decides when the device may access memory`() throws {
    let fixture = try VFIOFixture()
    fixture.write(4, 2, 6)
    fixture.write(4, 2, 6)
    fixture.write(4, 2, 2)
    #expect(
      fixture.device.takeEvents().filter { if case .write = $0 { true } else { false } } == [
        .write(region: 7, offset: 4, byteCount: 2, value: 7),
        .write(region: 7, offset: 4, byteCount: 2, value: 3),
      ])
  }

  @Test func `pages of a BAR are mapped where the guest moves it, without the table of MSI-X`() throws {
    let fixture = try VFIOFixture()
    let start = fixture.read(0x10)
    fixture.write(4, 2, 2)
    #expect(fixture.slots.ranges == [start..<start + 0x2000])
    fixture.write(0x10, 4, 0xD000_0000)
    #expect(fixture.slots.ranges == [0xD000_0000..<0xD000_2000])
    // RAM: the guest's accesses reach that.
    fixture.write(0x10, 4, 0)
    #expect(fixture.slots.ranges.isEmpty)
    fixture.write(0x10, 4, 0xD000_0000)
    fixture.write(4, 2, 0)
    #expect(fixture.slots.ranges.isEmpty)
  }

  @Test func `registers that are not mapped are read and written with their width`() throws {
    let fixture = try VFIOFixture()
    fixture.write(4, 2, 3)
    let port = fixture.read(0x18) & ~3
    fixture.device.setByte(0x77, region: 2, 5)
    #expect(fixture.ports.read(port + 5, byteCount: 1) == 0x77)
    fixture.ports.write(port + 4, byteCount: 2, value: 0xBEEF)
    #expect(
      fixture.device.takeEvents().last == .write(region: 2, offset: 4, byteCount: 2, value: 0xBEEF))
    // Beyond the table, in a page that is not mapped.
    #expect(fixture.function.readBAR(0, offset: 0x2FF8, byteCount: 8) == 0)
    fixture.function.writeBAR(0, offset: 0x2FF8, byteCount: 8, value: .max)
    #expect(fixture.function.readBAR(0, offset: 0x2FF8, byteCount: 8) == .max)
  }

  @Test func `no access leaves its region or reaches the device's own table`() throws {
    let fixture = try VFIOFixture()
    for offset in [0x3FFF, 0x4000, UInt64.max, UInt64.max - 3] {
      #expect(fixture.function.readBAR(0, offset: offset, byteCount: 4) == .max)
      fixture.function.writeBAR(0, offset: offset, byteCount: 4, value: 1)
    }
    for offset in [
      VFIOFixture.table, VFIOFixture.table - 2, VFIOFixture.table + 0x7E, VFIOFixture.pendingBits,
    ] {
      fixture.function.writeBAR(0, offset: offset, byteCount: 4, value: .max)
    }
    for bar in [3, 5, 7, 99] {
      #expect(fixture.function.readBAR(bar, offset: 0, byteCount: 4) == .max)
      fixture.function.writeBAR(bar, offset: 0, byteCount: 4, value: 1)
    }
    #expect(fixture.device.takeEvents().isEmpty)
  }

  @Test func `the expansion ROM is read where its own bit and memory are on`() throws {
    let fixture = try VFIOFixture()
    fixture.device.setByte(0x55, region: VFIORegion.Index.rom, 0)
    let address = fixture.read(0x30)
    #expect(!fixture.bus.isClaimed(address, byteCount: 1))
    fixture.write(4, 2, 2)
    #expect(!fixture.bus.isClaimed(address, byteCount: 1))
    fixture.write(0x30, 4, address | 1)
    #expect(fixture.bus.read(address, byteCount: 1) == 0x55)
    fixture.bus.write(address, byteCount: 1, value: 1)
    #expect(fixture.bus.read(address, byteCount: 1) == 0x55)
  }

  @Test func `at its end the device loses interrupts and memory, and is reset`() throws {
    let fixture = try VFIOFixture()
    fixture.write(4, 2, 6)
    _ = fixture.device.takeEvents()
    fixture.function.shutDown()
    #expect(
      fixture.device.takeEvents() == [
        .interrupts(kind: 0, flags: FakeVFIODevice.Flags.off, start: 0, events: []),
        .write(region: 7, offset: 4, byteCount: 2, value: 3), .reset,
      ])
  }

  @Test func `BARs of less than a page, and regions that cannot be mapped, are trapped`() throws {
    let fixture = try VFIOFixture(
      VFIOFixture.nvme(regions: [
        1: .init(byteCount: 0x800), 3: .init(byteCount: 0x1000, flags: 3),
        4: .init(byteCount: 0x5000, parts: [0x800..<0x2800, 0x4000..<0x5000, 0x4800..<UInt64.max >> 1]),
      ]))
    #expect(fixture.function.memory(ofBAR: 1).isEmpty && fixture.function.memory(ofBAR: 3).isEmpty)
    let runs = fixture.function.memory(ofBAR: 4)
    #expect(runs.map(\.offset) == [0x1000, 0x4000])
    #expect(runs.map(\.area.byteCount) == [0x1000, 0x1000])
  }

  @Test func `a device with a BAR that does not fit below 4 GiB, or a bridge, is refused`() throws {
    let address = try #require(HostPCIAddress(parsing: "03:00.0"))
    #expect(throws: VFIOError.barTooBig(address, bar: 4, byteCount: 1 << 33)) {
      try VFIODevice(address, file: VFIOFixture.nvme(regions: [4: .init(byteCount: 1 << 33)]))
    }
    #expect(throws: VFIOError.notAnEndpoint(address)) {
      try VFIODevice(address, file: VFIOFixture.nvme { $0[0x0E] = 1 })
    }
  }

  @Test func `writes of any width at any place of configuration space and BARs do no harm`() throws {
    let fixture = try VFIOFixture()
    var numbers = SplitMix64(seed: 12)
    for _ in 0..<20_000 {
      let width = [1, 2, 4][Int(numbers.next() % 3)]
      let value = [0, UInt64.max, numbers.next(), 1 << (numbers.next() % 32)][Int(numbers.next() % 4)]
      switch numbers.next() % 4 {
      case 0, 1: fixture.write(Int(numbers.next() % 260), width, value)
      case 2:
        fixture.function.writeBAR(
          Int(numbers.next() % 7), offset: numbers.next() % 0x4010,
          byteCount: [1, 2, 4, 8][Int(numbers.next() % 4)],
          value: value)
      default:
        _ = fixture.read(Int(numbers.next() % 260), width)
        _ = fixture.function.readBAR(
          Int(numbers.next() % 7), offset: numbers.next() % 0x4010,
          byteCount: [1, 2, 4, 8][Int(numbers.next() % 4)])
      }
      _ = fixture.device.takeEvents()
    }
    fixture.function.shutDown()
    #expect(fixture.router.messages.isEmpty && fixture.router.lines.isEmpty)
    // The device works as before.
    fixture.write(VFIOFixture.msix + 2, 2, 0x8000)
    #expect(
      fixture.device.takeEvents().contains(
        .interrupts(
          kind: 2, flags: FakeVFIODevice.Flags.trigger, start: 0, events: [Int32](repeating: -1, count: 8))))
  }
}
