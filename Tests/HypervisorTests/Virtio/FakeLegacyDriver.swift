import Hypervisor
import VextProtocol

/// A legacy virtio driver in slot 1: it reaches the device through the PCI host's ports and the device's own.
struct FakeLegacyDriver {
  /// Offsets of registers (virtio 1.2 §4.1.4.10).
  enum Register {
    static let deviceFeatures: UInt64 = 0
    static let driverFeatures: UInt64 = 4
    static let queuePage: UInt64 = 8
    static let queueSize: UInt64 = 12
    static let queueSelect: UInt64 = 14
    static let queueNotify: UInt64 = 16
    static let status: UInt64 = 18
    static let isr: UInt64 = 19
    static let configurationVector: UInt64 = 20
    static let queueVector: UInt64 = 22
  }

  let ports: AddressBus
  let host: PCIHost
  let base: UInt64

  /// Finds the registers and enables ports, memory and bus mastering.
  init(ports: AddressBus, host: PCIHost) {
    self.ports = ports
    self.host = host
    FakeVirtioDriver.setRegister(host, 0x04, byteCount: 2, 0b111)
    base = UInt64(FakeVirtioDriver.register(host, 0x10) & ~3)
  }

  func read(_ register: UInt64, byteCount: Int) -> UInt64 {
    ports.read(base + register, byteCount: byteCount)
  }

  func write(_ register: UInt64, byteCount: Int, _ value: UInt64) {
    ports.write(base + register, byteCount: byteCount, value: value)
  }

  var status: UInt64 { read(Register.status, byteCount: 1) }

  /// Enables MSI-X, by the capability that is the function's only one, with a message for each vector.
  func enableMessages(on bus: AddressBus) {
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
  func negotiate(_ features: UInt64) {
    write(Register.status, byteCount: 1, 0)
    write(Register.status, byteCount: 1, 1)
    write(Register.status, byteCount: 1, 3)
    write(Register.driverFeatures, byteCount: 4, features)
  }

  /// Tells the device where queue `index` is.
  func enable(_ index: Int, page: UInt32) {
    write(Register.queueSelect, byteCount: 2, UInt64(index))
    write(Register.queuePage, byteCount: 4, UInt64(page))
  }

  func start() { write(Register.status, byteCount: 1, 7) }
}
