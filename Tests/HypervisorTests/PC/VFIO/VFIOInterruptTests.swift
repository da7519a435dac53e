import Synchronization
import TestSupport
import Testing

@testable import Hypervisor

/// The interrupts of a device of the host: line, MSI and MSI-X.
@Suite struct VFIOInterruptTests {
  private typealias Flags = FakeVFIODevice.Flags

  private static let none = [Int32](repeating: -1, count: 8)

  /// Writes an entry of the table, and unmasks it.
  private static func setEntry(
    _ fixture: VFIOFixture, _ index: UInt64, address: UInt64 = 0xFEE0_1000, data: UInt64
  ) {
    let place = VFIOFixture.table + index * 16
    fixture.function.writeBAR(0, offset: place, byteCount: 8, value: address)
    fixture.function.writeBAR(0, offset: place + 8, byteCount: 8, value: data)
  }

  /// The interrupts that were set, without other calls.
  private static func take(_ fixture: VFIOFixture) -> [FakeVFIODevice.Event] {
    fixture.device.takeEvents().filter { if case .interrupts = $0 { true } else { false } }
  }

  @Test func `the line is connected from the start, and follows interrupt disable`() throws {
    let fixture = try VFIOFixture()
    let gsi = InterruptWiring.gsi(ofPCISlot: fixture.slot)
    #expect(fixture.router.lines == [gsi])
    fixture.write(4, 2, 1 << 10)
    #expect(fixture.router.lines.isEmpty)
    #expect(Self.take(fixture) == [.interrupts(kind: 0, flags: Flags.off, start: 0, events: [])])
    fixture.write(4, 2, 0)
    let trigger = try #require(fixture.router.state.withLock { $0.lines[gsi] })
    let events = Self.take(fixture)
    #expect(events.first == .interrupts(kind: 0, flags: Flags.trigger, start: 0, events: [trigger]))
    guard case .interrupts(0, Flags.unmask, 0, let unmasking) = try #require(events.last) else {
      Issue.record("the line is never unmasked")
      return
    }
    #expect(unmasking.count == 1 && unmasking != [trigger])
  }

  @Test func `a pending line is seen in the status register`() throws {
    let fixture = try VFIOFixture()
    #expect(fixture.read(6, 2) == 0x10)
    fixture.device.setByte(0x18, region: VFIORegion.Index.configuration, 6)
    #expect(fixture.read(6, 2) == 0x18)
    #expect(fixture.read(4) == 0x0018_0000)
    #expect(fixture.read(6, 1) == 0x18 && fixture.read(7, 1) == 0)
  }

  @Test func `a device without a pin has no line`() throws {
    let fixture = try VFIOFixture(VFIOFixture.nvme { $0[0x3D] = 0 })
    #expect(fixture.read(0x3D, 1) == 0 && fixture.router.lines.isEmpty)
  }

  @Test func `a vector of MSI-X gets its eventfd when it is first unmasked`() throws {
    let fixture = try VFIOFixture()
    // As Linux does: on and masked as a whole, entries, then off with the mask.
    fixture.write(VFIOFixture.msix + 2, 2, 0xC000)
    #expect(fixture.router.lines.isEmpty)
    #expect(
      Self.take(fixture) == [
        .interrupts(kind: 0, flags: Flags.off, start: 0, events: []),
        .interrupts(kind: 2, flags: Flags.trigger, start: 0, events: Self.none),
      ])
    Self.setEntry(fixture, 3, data: 0x4033)
    fixture.write(VFIOFixture.msix + 2, 2, 0x8000)
    let route = try #require(fixture.router.state.withLock { $0.routes.first })
    #expect(fixture.router.messages == [InterruptMessage(address: 0xFEE0_1000, data: 0x4033)])
    #expect(
      Self.take(fixture) == [.interrupts(kind: 2, flags: Flags.trigger, start: 3, events: [route.value])])
    // Another vCPU: no further request to the host's kernel.
    fixture.function.writeBAR(0, offset: VFIOFixture.table + 0x3C, byteCount: 4, value: 1)
    #expect(fixture.router.messages.isEmpty)
    Self.setEntry(fixture, 3, address: 0xFEE0_2000, data: 0x4034)
    #expect(fixture.router.messages == [InterruptMessage(address: 0xFEE0_2000, data: 0x4034)])
    #expect(Self.take(fixture).isEmpty)
    fixture.write(VFIOFixture.msix + 2, 2, 0)
    #expect(fixture.router.messages.isEmpty && fixture.router.lines.count == 1)
    #expect(Self.take(fixture).first == .interrupts(kind: 2, flags: Flags.off, start: 0, events: []))
  }

  @Test func `the table is as the guest wrote it, masked at first`() throws {
    let fixture = try VFIOFixture()
    let table = VFIOFixture.table
    #expect(fixture.function.readBAR(0, offset: table + 12, byteCount: 4) == 1)
    Self.setEntry(fixture, 7, address: 0x1_FEE0_1000, data: 0x1_0000_0042)
    #expect(fixture.function.readBAR(0, offset: table + 0x70, byteCount: 8) == 0x1_FEE0_1000)
    #expect(fixture.function.readBAR(0, offset: table + 0x78, byteCount: 8) == 0x1_0000_0042)
    fixture.function.writeBAR(0, offset: table + 0x7C, byteCount: 4, value: 0xFFFF_FFFE)
    #expect(fixture.function.readBAR(0, offset: table + 0x7C, byteCount: 4) == 0)
    // Neither bytes nor odd places.
    fixture.function.writeBAR(0, offset: table + 0x78, byteCount: 1, value: 0x55)
    fixture.function.writeBAR(0, offset: table + 0x76, byteCount: 4, value: 0x55)
    #expect(fixture.function.readBAR(0, offset: table + 0x78, byteCount: 4) == 0x42)
    #expect(fixture.function.readBAR(0, offset: table + 0x78, byteCount: 2) == 0)
  }

  @Test func `a vector that is signalled while masked is pending, and fires when it is unmasked`() throws {
    let fixture = try VFIOFixture()
    fixture.write(VFIOFixture.msix + 2, 2, 0x8000)
    Self.setEntry(fixture, 5, data: 0x51)
    let event = try #require(fixture.router.state.withLock { $0.routes.first }?.value)
    fixture.function.writeBAR(0, offset: VFIOFixture.table + 0x5C, byteCount: 4, value: 1)
    let pending = { fixture.function.readBAR(0, offset: VFIOFixture.pendingBits, byteCount: 8) }
    #expect(pending() == 0)
    VirtioEventRecorder.signal(event)
    #expect(pending() == 1 << 5)
    fixture.function.writeBAR(0, offset: VFIOFixture.table + 0x5C, byteCount: 4, value: 0)
    #expect(pending() == 0)
    #expect(VirtioEventRecorder.take(event) > 0)
  }

  @Test func `a host with fewer interrupts serves the first vectors`() throws {
    let fixture = try VFIOFixture(VFIOFixture.nvme(hostInterruptLimit: 3))
    fixture.write(VFIOFixture.msix + 2, 2, 0x8000)
    for index in 0..<8 as Range<UInt64> { Self.setEntry(fixture, index, data: index) }
    #expect(fixture.router.messages.map(\.data) == [0, 1, 2])
  }

  @Test func `a message that KVM refuses leaves its vector without an eventfd`() throws {
    let fixture = try VFIOFixture(router: VFIOFixture.Router(refusesMessages: true))
    fixture.write(VFIOFixture.msix + 2, 2, 0x8000)
    _ = Self.take(fixture)
    Self.setEntry(fixture, 0, address: 0x1234, data: 1)
    #expect(Self.take(fixture).isEmpty)
    #expect(fixture.router.state.withLock { $0.routes.isEmpty })
  }

  @Test func `messages of MSI differ in the lowest bits of their data, and have masks`() throws {
    let fixture = try VFIOFixture()
    let msi = VFIOFixture.msi
    fixture.write(msi + 4, 4, 0xFEE0_3000)
    fixture.write(msi + 8, 4, 0)
    fixture.write(msi + 12, 2, 0x41)
    fixture.write(msi + 16, 4, 0b0010)
    // Eight are asked for; the device has four.
    fixture.write(msi + 2, 2, 0x0031)
    #expect(fixture.router.messages.map(\.data) == [0x40, 0x42, 0x43])
    #expect(fixture.router.messages.allSatisfy { $0.address == 0xFEE0_3000 })
    #expect(
      Self.take(fixture).contains(
        .interrupts(kind: 1, flags: Flags.trigger, start: 0, events: [-1, -1, -1, -1])))
    fixture.write(msi + 16, 4, 0b0101)
    #expect(fixture.router.messages.map(\.data) == [0x41, 0x43])
    // MSI-X comes first.
    fixture.write(VFIOFixture.msix + 2, 2, 0x8000)
    #expect(fixture.router.messages.isEmpty)
    fixture.write(VFIOFixture.msix + 2, 2, 0)
    #expect(fixture.router.messages.map(\.data) == [0x41, 0x43])
  }

  @Test func `MSI of one message takes its data as a whole`() throws {
    let fixture = try VFIOFixture()
    fixture.write(VFIOFixture.msi + 4, 4, 0xFEE0_0000)
    fixture.write(VFIOFixture.msi + 12, 2, 0x43)
    fixture.write(VFIOFixture.msi + 2, 2, 1)
    #expect(fixture.router.messages == [InterruptMessage(address: 0xFEE0_0000, data: 0x43)])
  }
}
