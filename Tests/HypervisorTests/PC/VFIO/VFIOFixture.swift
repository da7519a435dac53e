import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Hypervisor

/// A device of the host behind the PCI host of a machine without KVM, as a guest's kernel uses it.
final class VFIOFixture {
  /// Remembers which eventfd has which message or line.
  final class Router: MessageInterruptRouter, LevelInterruptRouter {
    struct State: Equatable {
      var next: UInt32 = 24
      /// The eventfd of each route.
      var routes: [UInt32: Int32] = [:]
      var messages: [UInt32: InterruptMessage] = [:]
      /// The trigger of each line.
      var lines: [UInt32: Int32] = [:]
    }

    let state = Mutex(State())
    private let refusesMessages: Bool

    init(refusesMessages: Bool = false) { self.refusesMessages = refusesMessages }

    func addRoute(eventDescriptor: Int32) throws(Errno) -> UInt32 {
      state.withLock { state in
        state.next += 1
        state.routes[state.next] = eventDescriptor
        return state.next
      }
    }

    func setMessage(_ message: InterruptMessage, ofRoute route: UInt32) throws(Errno) {
      guard !refusesMessages else { throw .invalidArgument }
      state.withLock { $0.messages[route] = message }
    }

    func removeRoute(_ route: UInt32, eventDescriptor: Int32) {
      state.withLock { state in
        state.routes[route] = nil
        state.messages[route] = nil
      }
    }

    func addLevelRoute(_ gsi: UInt32, trigger: Int32, acknowledgement: Int32) throws(Errno) {
      state.withLock { $0.lines[gsi] = trigger }
    }

    func removeLevelRoute(_ gsi: UInt32, trigger: Int32) {
      state.withLock { state in if state.lines[gsi] == trigger { state.lines[gsi] = nil } }
    }

    /// The messages of the routes that are connected.
    var messages: [InterruptMessage] {
      state.withLock { state in state.messages.values.sorted { $0.data < $1.data } }
    }

    /// The lines that are connected.
    var lines: [UInt32] { state.withLock { $0.lines.keys.sorted() } }
  }

  /// Remembers where memory is.
  final class Slots: MemorySlotRegistrar {
    private let state = Mutex<(next: UInt32, ranges: [UInt32: Range<UInt64>])>((0, [:]))

    /// The addresses with memory, ascending.
    var ranges: [Range<UInt64>] {
      state.withLock { $0.ranges.values.sorted { $0.lowerBound < $1.lowerBound } }
    }

    func addMemory(_ memory: any HostMemoryArea, at address: UInt64) throws(Errno) -> UInt32 {
      // RAM.
      guard address >= 0x1000_0000 else { throw .fileExists }
      return state.withLock { state in
        state.next += 1
        state.ranges[state.next] = address..<address + memory.byteCount
        return state.next
      }
    }

    func removeMemory(slot: UInt32) { state.withLock { $0.ranges[slot] = nil } }
  }

  let device: FakeVFIODevice
  let function: VFIOFunction
  let router: Router
  let slots = Slots()
  let bus = AddressBus()
  let ports = AddressBus()
  let host: PCIHost
  let slot: Int

  init(_ device: FakeVFIODevice = VFIOFixture.nvme(), router: Router = Router()) throws {
    self.device = device
    self.router = router
    let address = try #require(HostPCIAddress(parsing: "03:00.0"))
    function = try VFIOFunction(
      VFIODevice(address, file: device), messages: router, lines: router, log: VextLog(device: "test"))
    host = PCIHost(
      memoryBus: bus, portBus: ports, registrar: VirtioEventRecorder(), memorySlots: slots,
      interruptLine: InterruptLineRecorder().line)
    slot = try host.add(function)
    function.connectLine(gsi: InterruptWiring.gsi(ofPCISlot: slot))
    _ = device.takeEvents()
  }

  func read(_ register: Int, _ byteCount: Int = 4) -> UInt64 {
    host.readConfiguration(slot: slot, register: register, byteCount: byteCount)
  }

  func write(_ register: Int, _ byteCount: Int = 4, _ value: UInt64) {
    host.writeConfiguration(slot: slot, register: register, byteCount: byteCount, value: value)
  }

  /// The offsets of the capabilities that the guest sees, with their IDs.
  var capabilities: [Int: UInt64] {
    var found: [Int: UInt64] = [:]
    var place = Int(read(0x34, 1))
    while place != 0, found[place] == nil {
      found[place] = read(place, 1)
      place = Int(read(place + 1, 1))
    }
    return found
  }

  // MARK: Devices

  /// The offsets of capabilities of ``nvme(regions:interruptCounts:hostInterruptLimit:)``.
  static let (power, msi, express, msix, vendor) = (0x40, 0x50, 0x70, 0xB0, 0xC0)
  /// Where its MSI-X table and pending bits are in BAR 0.
  static let (table, pendingBits) = (0x2000 as UInt64, 0x3000 as UInt64)

  /// A device like an NVMe disk: BAR 0 of 16 KiB with 64-bit addresses, which has the table of 8 MSI-X vectors; BAR 2 of 32 ports;
  /// MSI of 4 messages with masks; an expansion ROM.
  static func nvme(
    regions others: [Int: FakeVFIODevice.Region] = [:], interruptCounts: [UInt32] = [1, 4, 8],
    hostInterruptLimit: Int = 1024, change: (inout [UInt8]) -> Void = { _ in }
  ) -> FakeVFIODevice {
    var bytes = [UInt8](repeating: 0, count: 256)
    func put(_ offset: Int, _ values: [UInt8]) {
      bytes.replaceSubrange(offset..<offset + values.count, with: values)
    }
    put(0, [0x36, 0x1B, 0x10, 0x00, 0, 0, 0x10, 0, 2, 2, 8, 1])
    put(0x0E, [0x80])  // one of several functions
    put(0x10, [0x04, 0, 0, 0xFE])
    put(0x18, [0x01, 0xC0, 0, 0])
    put(0x2C, [0xF4, 0x1A, 0x00, 0x11])
    put(0x34, [UInt8(power)])
    put(0x3C, [11, 2])  // INTB
    put(power, [0x01, UInt8(msi), 3, 0, 8, 0])
    put(msi, [0x05, UInt8(express), 0x85, 0x01])
    put(express, [0x10, UInt8(msix), 2, 0, 0xC2, 0x8F, 0, 0x10])
    put(msix, [0x11, UInt8(vendor), 7, 0, 0, 0x20, 0, 0, 0, 0x30, 0, 0])
    put(vendor, [0x09, 0, 8, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE])
    change(&bytes)
    var regions = others
    regions[0] = regions[0] ?? .init(byteCount: 0x4000)
    regions[2] = regions[2] ?? .init(byteCount: 32, flags: 3)
    regions[VFIORegion.Index.rom] = regions[VFIORegion.Index.rom] ?? .init(byteCount: 0x1000, flags: 1)
    return FakeVFIODevice(
      configuration: bytes, regions: regions, interruptCounts: interruptCounts,
      hostInterruptLimit: hostInterruptLimit)
  }
}
