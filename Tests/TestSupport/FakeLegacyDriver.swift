import Hypervisor
import VextProtocol

/// A legacy virtio driver in slot 1: it reaches the device through the PCI host's ports and the device's own.
package struct FakeLegacyDriver {
  /// Offsets of registers (virtio 1.2 §4.1.4.10).
  package enum Register {
    package static let deviceFeatures: UInt64 = 0
    package static let driverFeatures: UInt64 = 4
    package static let queuePage: UInt64 = 8
    package static let queueSize: UInt64 = 12
    package static let queueSelect: UInt64 = 14
    package static let queueNotify: UInt64 = 16
    package static let status: UInt64 = 18
    package static let isr: UInt64 = 19
    package static let configurationVector: UInt64 = 20
    package static let queueVector: UInt64 = 22
  }

  package let ports: AddressBus
  /// Kept for the host, which does not own its buses.
  private let memoryBus: AddressBus?
  package let host: PCIHost
  package let base: UInt64

  /// Finds the registers and enables ports, memory and bus mastering. Keeps the buses, but for a memory bus that the caller keeps.
  package init(ports: AddressBus, memoryBus: AddressBus? = nil, host: PCIHost) {
    self.ports = ports
    self.memoryBus = memoryBus
    self.host = host
    FakeVirtioDriver.setRegister(host, 0x04, byteCount: 2, 0b111)
    base = UInt64(FakeVirtioDriver.register(host, 0x10) & ~3)
  }

  package func read(_ register: UInt64, byteCount: Int) -> UInt64 {
    ports.read(base + register, byteCount: byteCount)
  }

  package func write(_ register: UInt64, byteCount: Int, _ value: UInt64) {
    ports.write(base + register, byteCount: byteCount, value: value)
  }

  package var status: UInt64 { read(Register.status, byteCount: 1) }

  /// Enables MSI-X, by the capability that is the function's only one, with a message for each vector.
  package func enableMessages(on bus: AddressBus) {
    let capability = UInt8(truncatingIfNeeded: FakeVirtioDriver.register(host, 0x34))
    let bar = UInt8(FakeVirtioDriver.register(host, capability + 4) & 7)
    let table = UInt64(FakeVirtioDriver.register(host, 0x10 + bar * 4) & ~0xF)
    let last = FakeVirtioDriver.register(host, capability) >> 16 & 0x7FF
    for vector in 0...UInt64(last) {
      bus.write(table + vector * 16, byteCount: 4, value: 0xFEE0_0000)
      bus.write(table + vector * 16 + 12, byteCount: 4, value: 0)
    }
    FakeVirtioDriver.setRegister(host, capability + 2, byteCount: 2, 0x8000)
  }

  /// Resets the device and takes `features`.
  package func negotiate(_ features: UInt64) {
    write(Register.status, byteCount: 1, 0)
    write(Register.status, byteCount: 1, 1)
    write(Register.status, byteCount: 1, 3)
    write(Register.driverFeatures, byteCount: 4, features)
  }

  /// Tells the device where queue `index` is.
  package func enable(_ index: Int, page: UInt32) {
    write(Register.queueSelect, byteCount: 2, UInt64(index))
    write(Register.queuePage, byteCount: 4, UInt64(page))
  }

  package func start() { write(Register.status, byteCount: 1, 7) }
}
