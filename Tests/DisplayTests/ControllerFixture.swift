import Hypervisor
import Synchronization
import Testing

/// An interrupt line that nobody listens to.
private final class SilentLine: InterruptLine {
  func set(active: Bool) {}
}

/// A keyboard controller whose guest reads scan codes of set 2, and has enabled the mouse with a wheel.
struct ControllerFixture {
  let controller: KeyboardController

  init() throws {
    controller = KeyboardController(end: try MachineEndLatch(), hasMouse: true) { _ in SilentLine() }
    // No translation, no interrupts.
    write(4, 0x60)
    write(0, 0)
    write(0, 0xF4)
    for byte in [0xF3, 200, 0xF3, 100, 0xF3, 80, 0xF4] as [UInt64] {
      write(4, 0xD4)
      write(0, byte)
    }
    _ = bytes()
  }

  private func write(_ offset: UInt64, _ value: UInt64) {
    controller.write(offset: offset, byteCount: 1, value: value)
  }

  /// Sets the keyboard's lights as the guest does.
  func setLights(_ lights: UInt64) {
    write(0, 0xED)
    write(0, lights)
    _ = bytes()
  }

  /// What the guest reads from the keyboard and the mouse until nothing is left.
  func bytes() -> (keyboard: [UInt8], mouse: [UInt8]) {
    var (keyboard, mouse): ([UInt8], [UInt8]) = ([], [])
    while true {
      let status = controller.read(offset: 4, byteCount: 1)
      guard status & 1 != 0 else { return (keyboard, mouse) }
      let byte = UInt8(truncatingIfNeeded: controller.read(offset: 0, byteCount: 1))
      if status & 0x20 != 0 { mouse.append(byte) } else { keyboard.append(byte) }
    }
  }
}
