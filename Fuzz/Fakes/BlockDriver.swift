import Hypervisor
import TestSupport
import VextProtocol

/// The driver of a virtio block device, by the interface that the device's function has.
enum BlockDriver {
  case modern(FakeVirtioDriver)
  case legacy(FakeLegacyDriver)

  static let version1: UInt64 = 1 << 32

  /// Adds `function`, whose interrupts `recorder` routes, to a PCI host of its own.
  init(of function: VirtioPCI, recorder: VirtioEventRecorder) throws {
    let lines = InterruptLineRecorder()
    switch function.transport {
    case .modern:
      self = .modern(
        try FakeVirtioDriver(of: function, bus: AddressBus(), recorder: recorder, lines: lines))
    case .legacy:
      let (ports, memoryBus) = (AddressBus(), AddressBus())
      let host = PCIHost(
        memoryBus: memoryBus, portBus: ports, registrar: recorder, interruptLine: lines.line)
      try host.add(function)
      self = .legacy(FakeLegacyDriver(ports: ports, memoryBus: memoryBus, host: host))
    }
  }

  /// Resets the device, and goes as far as the features are agreed upon.
  func negotiate(_ features: UInt64) {
    switch self {
    // A device may refuse changed features; the input then goes on with that device.
    case .modern(let driver): try? driver.negotiate(features)
    case .legacy(let driver): driver.negotiate(features & 0xFFFF_FFFF)
    }
  }

  /// Sets queue `index` up; the legacy interface takes no more than the first page from `layout`.
  func enable(_ index: Int, _ layout: VirtqueueLayout) {
    switch self {
    case .modern(let driver): driver.enable(index, layout)
    case .legacy(let driver):
      driver.enable(index, page: UInt32(truncatingIfNeeded: layout.descriptorTable.rawValue >> 12))
    }
  }

  func start() {
    switch self {
    case .modern(let driver): driver.start()
    case .legacy(let driver): driver.start()
    }
  }

  func reset() {
    switch self {
    case .modern(let driver): driver.setStatus(0)
    case .legacy(let driver): driver.write(FakeLegacyDriver.Register.status, byteCount: 1, 0)
    }
  }
}
