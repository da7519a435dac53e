import Synchronization

/// The reset control register, port CF9h (Intel I/O Controller Hub 9 datasheet §13.7.5). Any vCPU thread.
///
/// The port lies among those of the PCI host, which passes accesses to this byte on.
public final class ResetControlRegister: BusDevice {
  /// Whether the next reset is a hard reset.
  private static let systemReset: UInt8 = 1 << 1
  /// A change to 1 resets the machine.
  private static let resetProcessor: UInt8 = 1 << 2
  private static let fullReset: UInt8 = 1 << 3

  private let value = Mutex<UInt8>(0)
  private let end: MachineEndLatch

  /// Makes a register that ends the machine through `end`.
  public init(end: MachineEndLatch) { self.end = end }

  /// Returns the chosen kind of reset.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 {
    offset == 0 && byteCount == 1 ? UInt64(value.withLock { $0 }) : .max
  }

  /// Chooses the kind of reset, or resets the machine.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard offset == 0, byteCount == 1 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    self.value.withLock { $0 = byte & (Self.systemReset | Self.fullReset) }
    if byte & Self.resetProcessor != 0 { end.end(.reset) }
  }
}
