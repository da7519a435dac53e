import Hypervisor
import Synchronization
import SystemPackage

/// An interrupt line that counts how often it rose.
final class LineRecorder: InterruptLine {
  private let state = Mutex((isActive: false, edges: 0))

  var isActive: Bool { state.withLock { $0.isActive } }
  var edges: Int { state.withLock { $0.edges } }

  func set(active: Bool) {
    state.withLock { state in
      if active && !state.isActive { state.edges += 1 }
      state.isActive = active
    }
  }
}

/// The platform's devices on a bus without a machine.
final class PlatformBoard {
  let ports = AddressBus()
  let end: MachineEndLatch
  let devices: PlatformDevices
  let keyboardLine = LineRecorder()
  let mouseLine = LineRecorder()
  let systemControlLine = LineRecorder()

  init(memoryByteCount: UInt64 = 512 << 20, hasMouse: Bool = false) throws {
    end = try MachineEndLatch()
    let lines: [UInt32: LineRecorder] = [1: keyboardLine, 9: systemControlLine, 12: mouseLine]
    devices = PlatformDevices(
      ports: ports, end: end, memoryByteCount: memoryByteCount, hasMouse: hasMouse, showText: { _ in },
      interruptLine: { lines[$0] ?? LineRecorder() })
  }

  func read(_ port: UInt64, byteCount: Int = 1) -> UInt64 { ports.read(port, byteCount: byteCount) }

  func write(_ port: UInt64, _ value: UInt64, byteCount: Int = 1) {
    ports.write(port, byteCount: byteCount, value: value)
  }

  /// A register of the clock.
  func clock(_ register: UInt64) -> UInt64 {
    write(0x70, register)
    return read(0x71)
  }
}
