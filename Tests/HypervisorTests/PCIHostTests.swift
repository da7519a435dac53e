import Hypervisor
import Synchronization
import SystemPackage
import Testing

/// Configuration mechanism 1, as a guest's firmware or kernel uses it.
@Suite struct PCIHostTests {
  /// A function with two memory BARs, two vendor capabilities, MSI-X in BAR 2 and a notification.
  private final class Function: PCIFunction {
    let configuration: PCIConfigurationSpace
    let notifications = [PCINotification(bar: 0, offset: 0x20, eventDescriptor: 77)]
    private let last = Mutex<[UInt64]>([])

    /// BAR, offset, length and value of the last write.
    var lastWrite: [UInt64] { last.withLock { $0 } }

    init(router: any MessageInterruptRouter) throws {
      configuration = PCIConfigurationSpace(
        identity: PCIIdentity(vendor: 0x1234, device: 0x5678, classCode: 0x01_80_00, revision: 3),
        bars: [0: 0x1000, 4: 0x10], vendorCapabilities: [[0xAA, 0xBB, 0xCC], [0x11]],
        msix: (bar: 2, table: try MSIXTable(vectorCount: 5, router: router)))
    }

    func readBAR(_ bar: Int, offset: UInt64, byteCount: Int) -> UInt64 { UInt64(bar) << 16 | offset }
    func writeBAR(_ bar: Int, offset: UInt64, byteCount: Int, value: UInt64) {
      last.withLock { $0 = [UInt64(bar), offset, UInt64(byteCount), value] }
    }
  }

  private let bus = AddressBus()
  private let recorder = VirtioEventRecorder()
  private let host: PCIHost
  private let function: Function

  init() throws {
    host = PCIHost(memoryBus: bus, registrar: recorder)
    function = try Function(router: recorder)
    try host.add(Function(router: recorder))
    try host.add(function)
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

  @Test func `what is not there reads as all ones`() {
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
  func `a BAR tells its size`(bar: UInt64, byteCount: UInt64) {
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
    for bar in [1, 3, 5] as [UInt64] {
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

  @Test func `of the command register three bits can be written`() {
    write(4, 0xFFFF_FFFF)
    #expect(read(4, byteCount: 2) == 0b100_0000_0110)
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
    for _ in 2..<32 { try host.add(Function(router: recorder)) }
    let more = try Function(router: recorder)
    #expect(throws: Errno.noSpace) { try host.add(more) }
  }

  @Test func `random accesses never trap`() {
    var generator = SplitMix(seed: 31)
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
