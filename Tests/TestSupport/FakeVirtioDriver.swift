import Hypervisor
import VextProtocol

/// A virtio driver: it reaches the device as a guest does, through the PCI host's ports and the memory bus.
///
/// The function is in slot 1.
package struct FakeVirtioDriver {
  /// Why a driver gives up.
  package enum Failure: Error, Equatable {
    case capabilityMissing(UInt8)
    case featuresRefused
  }

  /// Offsets in the common configuration (virtio 1.2 §4.1.4.3).
  package enum Common {
    package static let deviceFeatureSelect: UInt64 = 0x00
    package static let deviceFeature: UInt64 = 0x04
    package static let driverFeatureSelect: UInt64 = 0x08
    package static let driverFeature: UInt64 = 0x0C
    package static let configurationVector: UInt64 = 0x10
    package static let queueCount: UInt64 = 0x12
    package static let status: UInt64 = 0x14
    package static let generation: UInt64 = 0x15
    package static let queueSelect: UInt64 = 0x16
    package static let queueSize: UInt64 = 0x18
    package static let queueVector: UInt64 = 0x1A
    package static let queueEnable: UInt64 = 0x1C
    package static let queueNotifyOffset: UInt64 = 0x1E
    package static let queueDescriptorTable: UInt64 = 0x20
    package static let queueAvailableRing: UInt64 = 0x28
    package static let queueUsedRing: UInt64 = 0x30
  }

  /// Bits of the status.
  package enum Status {
    package static let acknowledge: UInt8 = 1
    package static let driver: UInt8 = 2
    package static let driverOK: UInt8 = 4
    package static let featuresOK: UInt8 = 8
    package static let needsReset: UInt8 = 64
  }

  package let bus: AddressBus
  /// Kept for the host, which does not own its buses.
  private let portBus: AddressBus?
  package let host: PCIHost
  package let recorder: VirtioEventRecorder
  package let commonBase: UInt64
  package let isrBase: UInt64
  package let deviceBase: UInt64
  package let notifyBase: UInt64
  package let notifyMultiplier: UInt64

  /// The driver of `function`, which it adds to a PCI host of its own.
  package init(
    of function: VirtioPCI, bus: AddressBus, portBus: AddressBus = AddressBus(),
    recorder: VirtioEventRecorder,
    lines: InterruptLineRecorder
  ) throws {
    let host = PCIHost(memoryBus: bus, portBus: portBus, registrar: recorder, interruptLine: lines.line)
    try host.add(function)
    try self.init(bus: bus, portBus: portBus, host: host, recorder: recorder)
  }

  /// Finds the structures, enables memory, and gives every vector of MSI-X a message. Keeps the buses, but for ports that the caller keeps.
  package init(bus: AddressBus, portBus: AddressBus? = nil, host: PCIHost, recorder: VirtioEventRecorder)
    throws
  {
    self.bus = bus
    self.portBus = portBus
    self.host = host
    self.recorder = recorder
    Self.setRegister(host, 0x04, byteCount: 2, 0b110)
    var structures: [UInt8: (base: UInt64, capability: UInt8)] = [:]
    var msix: UInt8?
    var next = UInt8(truncatingIfNeeded: Self.register(host, 0x34))
    while next != 0 {
      let head = Self.register(host, next)
      switch UInt8(truncatingIfNeeded: head) {
      case 0x09:
        let bar = UInt8(truncatingIfNeeded: Self.register(host, next + 4) & 0xFF)
        let base = UInt64(Self.register(host, 0x10 + bar * 4) & ~0xF)
        structures[UInt8(truncatingIfNeeded: head >> 24)] = (
          base + UInt64(Self.register(host, next + 8)), next
        )
      case 0x11: msix = next
      default: break
      }
      next = UInt8(truncatingIfNeeded: head >> 8)
    }
    guard let common = structures[1] else { throw Failure.capabilityMissing(1) }
    guard let notify = structures[2] else { throw Failure.capabilityMissing(2) }
    guard let isr = structures[3] else { throw Failure.capabilityMissing(3) }
    guard let device = structures[4] else { throw Failure.capabilityMissing(4) }
    guard let msix else { throw Failure.capabilityMissing(0x11) }
    commonBase = common.base
    notifyBase = notify.base
    notifyMultiplier = UInt64(Self.register(host, notify.capability + 16))
    isrBase = isr.base
    deviceBase = device.base
    let control = Self.register(host, msix) >> 16
    let tableRegister = Self.register(host, msix + 4)
    let table =
      UInt64(Self.register(host, 0x10 + UInt8(tableRegister & 7) * 4) & ~0xF) + UInt64(tableRegister & ~7)
    for vector in 0...UInt64(control & 0x7FF) {
      bus.write(table + vector * 16, byteCount: 4, value: 0xFEE0_0000)
      bus.write(table + vector * 16 + 8, byteCount: 4, value: 0x40 + vector)
      bus.write(table + vector * 16 + 12, byteCount: 4, value: 0)
    }
    Self.setRegister(host, msix + 2, byteCount: 2, 0x8000)
  }

  /// Reads 32 bits of configuration space.
  package static func register(_ host: PCIHost, _ offset: UInt8) -> UInt32 {
    host.write(offset: 0, byteCount: 4, value: 0x8000_0800 | UInt64(offset & 0xFC))
    return UInt32(truncatingIfNeeded: host.read(offset: 4, byteCount: 4))
  }

  /// Writes configuration space.
  package static func setRegister(_ host: PCIHost, _ offset: UInt8, byteCount: Int, _ value: UInt64) {
    host.write(offset: 0, byteCount: 4, value: 0x8000_0800 | UInt64(offset & 0xFC))
    host.write(offset: 4 + UInt64(offset & 3), byteCount: byteCount, value: value)
  }

  package func read(_ register: UInt64, byteCount: Int) -> UInt64 {
    bus.read(commonBase + register, byteCount: byteCount)
  }

  package func write(_ register: UInt64, byteCount: Int, _ value: UInt64) {
    bus.write(commonBase + register, byteCount: byteCount, value: value)
  }

  package var status: UInt8 { UInt8(truncatingIfNeeded: read(Common.status, byteCount: 1)) }

  package func setStatus(_ bits: UInt8) { write(Common.status, byteCount: 1, UInt64(bits)) }

  package func offeredFeatures() -> UInt64 {
    write(Common.deviceFeatureSelect, byteCount: 4, 1)
    let high = read(Common.deviceFeature, byteCount: 4)
    write(Common.deviceFeatureSelect, byteCount: 4, 0)
    return read(Common.deviceFeature, byteCount: 4) | high << 32
  }

  package func setFeatures(_ features: UInt64) {
    write(Common.driverFeatureSelect, byteCount: 4, 0)
    write(Common.driverFeature, byteCount: 4, features & 0xFFFF_FFFF)
    write(Common.driverFeatureSelect, byteCount: 4, 1)
    write(Common.driverFeature, byteCount: 4, features >> 32)
  }

  /// Resets the device and goes as far as FEATURES_OK.
  package func negotiate(_ features: UInt64) throws {
    setStatus(0)
    setStatus(Status.acknowledge)
    setStatus(Status.acknowledge | Status.driver)
    setFeatures(features)
    setStatus(Status.acknowledge | Status.driver | Status.featuresOK)
    guard status & Status.featuresOK != 0 else { throw Failure.featuresRefused }
    write(Common.configurationVector, byteCount: 2, 0)
  }

  /// Tells the device where queue `index` is, with vector `index + 1`, and enables it.
  package func enable(_ index: Int, _ layout: VirtqueueLayout) {
    write(Common.queueSelect, byteCount: 2, UInt64(index))
    write(Common.queueSize, byteCount: 2, UInt64(layout.size))
    write(Common.queueVector, byteCount: 2, UInt64(index + 1))
    write(Common.queueDescriptorTable, byteCount: 8, layout.descriptorTable.rawValue)
    write(Common.queueAvailableRing, byteCount: 4, layout.availableRing.rawValue & 0xFFFF_FFFF)
    write(Common.queueAvailableRing + 4, byteCount: 4, layout.availableRing.rawValue >> 32)
    write(Common.queueUsedRing, byteCount: 8, layout.usedRing.rawValue)
    write(Common.queueEnable, byteCount: 2, 1)
  }

  /// Starts the device.
  package func start() { setStatus(Status.acknowledge | Status.driver | Status.featuresOK | Status.driverOK) }

  /// Where queue `index` is notified.
  package func notifyAddress(_ index: Int) -> UInt64 {
    write(Common.queueSelect, byteCount: 2, UInt64(index))
    return notifyBase + read(Common.queueNotifyOffset, byteCount: 2) * notifyMultiplier
  }

  /// Notifies queue `index`: KVM signals the eventfd.
  package func kick(_ index: Int) {
    if let event = recorder.notification(at: notifyAddress(index)) { VirtioEventRecorder.signal(event) }
  }
}
