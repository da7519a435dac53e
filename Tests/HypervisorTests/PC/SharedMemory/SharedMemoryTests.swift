import Foundation
import HostSystem
import Hypervisor
import Synchronization
import SystemPackage
import Testing

/// Shared memory: its objects, and the PCI function that puts one into a guest.
@Suite struct SharedMemoryTests {
  /// An object that is removed at the end.
  private final class Object {
    let name = "/vext-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    var path: String { "/dev/shm\(name)" }
    var byteCount: Int { (try? Data(contentsOf: URL(fileURLWithPath: path)))?.count ?? -1 }

    func make(byteCount: Int) throws { try Data(count: byteCount).write(to: URL(fileURLWithPath: path)) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Remembers which memory is where; refuses what overlaps `ram`.
  private final class Slots: MemorySlotRegistrar {
    let ram: Range<UInt64>
    private let slots = Mutex<[UInt32: UInt64]>([:])

    init(ram: Range<UInt64> = 0..<0x1000_0000) { self.ram = ram }

    var addresses: [UInt64] { slots.withLock { $0.values.sorted() } }

    func addMemory(_ memory: any HostMemoryArea, at address: UInt64) throws(Errno) -> UInt32 {
      guard !ram.overlaps(address..<address + memory.byteCount) else { throw .fileExists }
      return slots.withLock { slots in
        let slot = UInt32(slots.count)
        slots[slot] = address
        return slot
      }
    }

    func removeMemory(slot: UInt32) { slots.withLock { $0[slot] = nil } }
  }

  // MARK: Objects

  @Test func `an object is made for its owner alone, lengthened, and used in part`() throws {
    let object = Object()
    #expect(throws: SharedMemoryError.failed(object.name, .noSuchFileOrDirectory)) {
      try SharedMemoryArea(name: object.name, byteCount: 8192, creates: false)
    }
    _ = try SharedMemoryArea(name: object.name, byteCount: 4096, creates: true)
    #expect(object.byteCount == 4096)
    let mode = try FileManager.default.attributesOfItem(atPath: object.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(throws: SharedMemoryError.tooShort(object.name, 8192)) {
      try SharedMemoryArea(name: object.name, byteCount: 8192, creates: false)
    }
    #expect(object.byteCount == 4096)
    #expect(try SharedMemoryArea(name: object.name, byteCount: 8192, creates: true).byteCount == 8192)
    #expect(try SharedMemoryArea(name: object.name, byteCount: 4096, creates: true).byteCount == 4096)
    #expect(object.byteCount == 8192)
  }

  @Test(arguments: ["", "/", ".", "/..", "a/b", "//a", "a\0b", String(repeating: "x", count: 256)])
  func `text that cannot name an object is refused`(name: String) {
    #expect(throws: SharedMemoryError.badName(name)) {
      try SharedMemoryArea(name: name, byteCount: 4096, creates: true)
    }
  }

  @Test(arguments: [0, 1, 4095, 4097, .max] as [UInt64])
  func `an object has whole pages`(byteCount: UInt64) {
    #expect(throws: SharedMemoryError.badSize(byteCount)) {
      try SharedMemoryArea(name: "x", byteCount: byteCount, creates: true)
    }
  }

  @Test func `a link leads to no file outside, and a folder is no object`() throws {
    let object = Object()
    try FileManager.default.createSymbolicLink(atPath: object.path, withDestinationPath: "/etc/passwd")
    #expect(throws: SharedMemoryError.failed(object.name, .tooManySymbolicLinkLevels)) {
      try SharedMemoryArea(name: object.name, byteCount: 4096, creates: true)
    }
    try FileManager.default.removeItem(atPath: object.path)
    try FileManager.default.createDirectory(atPath: object.path, withIntermediateDirectories: false)
    #expect(throws: SharedMemoryError.failed(object.name, .isDirectory)) {
      try SharedMemoryArea(name: object.name, byteCount: 4096, creates: true)
    }
  }

  // MARK: The function

  // The host does not keep its buses alive.
  private let bus = AddressBus()
  private let ports = AddressBus()

  private func host(_ slots: Slots) -> PCIHost {
    PCIHost(
      memoryBus: bus, portBus: ports, registrar: VirtioEventRecorder(), memorySlots: slots,
      interruptLine: InterruptLineRecorder().line)
  }

  private func write(_ host: PCIHost, _ register: UInt64, _ value: UInt64, slot: Int) {
    host.write(offset: 0, byteCount: 4, value: 1 << 31 | UInt64(slot) << 11 | register)
    host.write(offset: 4, byteCount: 4, value: value)
  }

  private func read(_ host: PCIHost, _ register: UInt64, slot: Int) -> UInt64 {
    host.write(offset: 0, byteCount: 4, value: 1 << 31 | UInt64(slot) << 11 | register)
    return host.read(offset: 4, byteCount: 4)
  }

  @Test func `the memory is where its BAR is, while the guest lets it answer`() throws {
    let (object, slots) = (Object(), Slots())
    let host = host(slots)
    let device = SharedMemoryDevice(
      try SharedMemoryArea(name: object.name, byteCount: 1 << 20, creates: true))
    let slot = try host.add(device, addresses: [SharedMemoryDevice.memoryBAR: 0xC800_0000])
    #expect(read(host, 0, slot: slot) == 0x1110_1AF4)
    #expect(read(host, 0x18, slot: slot) == 0xC800_0000)
    #expect(slots.addresses.isEmpty)
    write(host, 4, 2, slot: slot)
    #expect(slots.addresses == [0xC800_0000])
    write(host, 0x18, 0xD000_0000, slot: slot)
    #expect(slots.addresses == [0xD000_0000])
    // RAM is there: the accesses read as zero.
    write(host, 0x18, 0x0010_0000, slot: slot)
    #expect(slots.addresses.isEmpty)
    #expect(device.readBAR(SharedMemoryDevice.memoryBAR, offset: 8, byteCount: 8) == 0)
    write(host, 0x18, 0xC800_0000, slot: slot)
    #expect(slots.addresses == [0xC800_0000])
    write(host, 4, 0, slot: slot)
    #expect(slots.addresses.isEmpty)
  }

  @Test func `of the registers the mask alone keeps what is written`() throws {
    let object = Object()
    let device = SharedMemoryDevice(try SharedMemoryArea(name: object.name, byteCount: 4096, creates: true))
    for offset in [0, 4, 8, 12, 0xFC] as [UInt64] {
      device.writeBAR(0, offset: offset, byteCount: 4, value: 0xFFFF_FFFF)
    }
    #expect(device.readBAR(0, offset: 0, byteCount: 4) == 0xFFFF_FFFF)
    for offset in [4, 8, 12, 0xFC] as [UInt64] {
      #expect(device.readBAR(0, offset: offset, byteCount: 4) == 0)
    }
    device.writeBAR(0, offset: 0, byteCount: 2, value: 0)
    #expect(device.readBAR(0, offset: 0, byteCount: 4) == 0xFFFF_FFFF)
  }

  @Test(arguments: [0, 0xC0FF_F000, 0xC800_1000, 0xFEC0_0000, 0xFEB8_0000, .max] as [UInt64])
  func `an address outside the window, unaligned or taken is refused`(address: UInt64) throws {
    let object = Object()
    let host = host(Slots())
    let area = try SharedMemoryArea(name: object.name, byteCount: 1 << 20, creates: true)
    #expect(throws: PCIHostError.addressTaken(address)) {
      try host.add(SharedMemoryDevice(area), addresses: [SharedMemoryDevice.memoryBAR: address])
    }
  }

  @Test func `other BARs keep clear of an address that was asked for`() throws {
    let (first, second) = (Object(), Object())
    let host = host(Slots())
    let area = try SharedMemoryArea(name: first.name, byteCount: 1 << 20, creates: true)
    let wanted = PCIHost.barWindowStart + 1 << 20
    let slot = try host.add(SharedMemoryDevice(area), addresses: [SharedMemoryDevice.memoryBAR: wanted])
    #expect(throws: PCIHostError.addressTaken(wanted)) {
      try host.add(SharedMemoryDevice(area), addresses: [SharedMemoryDevice.memoryBAR: wanted])
    }
    let other = try SharedMemoryArea(name: second.name, byteCount: 1 << 20, creates: true)
    let next = try host.add(SharedMemoryDevice(other))
    let (one, two) = (read(host, 0x18, slot: slot), read(host, 0x18, slot: next))
    #expect(two >= one + 1 << 20 || two + 1 << 20 <= one)
  }
}
