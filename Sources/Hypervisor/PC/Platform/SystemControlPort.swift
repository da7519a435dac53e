import Synchronization

/// System control port A, 92h (IBM PS/2 Hardware Interface Technical Reference, "System Control Port A"). Any vCPU
/// thread.
///
/// Port B, 61h, belongs to KVM's in-kernel timer (KVM_PIT_SPEAKER_DUMMY). Address line 20 is always on; its bit only
/// keeps its value.
public final class SystemControlPort: BusDevice {
  /// A write of 1 resets the processor.
  private static let reset: UInt8 = 1 << 0
  private static let a20: UInt8 = 1 << 1

  private let value = Mutex<UInt8>(SystemControlPort.a20)
  private let end: MachineEndLatch

  /// Makes a port that ends the machine through `end`.
  public init(end: MachineEndLatch) { self.end = end }

  /// Returns the last value written, without the reset bit.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    offset == 0 && byteCount == 1 ? UInt64(value.withLock { $0 }) : .max
  }

  /// Keeps the bits, or resets the machine.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard offset == 0, byteCount == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    self.value.withLock { $0 = byte & ~Self.reset }
    if byte & Self.reset != 0 { end.end(.reset) }
  }
}
