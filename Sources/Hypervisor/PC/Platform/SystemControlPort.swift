import Synchronization

/// System control port A, 92h (IBM PS/2 Hardware Interface Technical Reference, "System Control Port A").
///
/// Port B, 61h, is KVM's: it belongs to the in-kernel timer (KVM_PIT_SPEAKER_DUMMY). Address line 20 is always on;
/// its bit only holds. Any vCPU thread.
public final class SystemControlPort: BusDevice {
  /// Set by software to reset the processor.
  private static let reset: UInt8 = 1 << 0
  private static let a20: UInt8 = 1 << 1

  private let value = Mutex<UInt8>(SystemControlPort.a20)
  private let end: MachineEndLatch

  /// A port that ends the machine through `end`.
  public init(end: MachineEndLatch) { self.end = end }

  /// What was written, the reset bit apart.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    offset == 0 && byteCount == 1 ? UInt64(value.withLock { $0 }) : .max
  }

  /// Holds the bits, or resets.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard offset == 0, byteCount == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    self.value.withLock { $0 = byte & ~Self.reset }
    if byte & Self.reset != 0 { end.end(.reset) }
  }
}
