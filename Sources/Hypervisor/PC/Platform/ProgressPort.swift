/// Port F5h, to which the guest's init writes a byte first of all, so that the host can measure the kernel's start.
public final class ProgressPort: BusDevice {
  /// The port.
  public static let port: UInt64 = 0xF5
  private let reached: @Sendable () -> Void

  /// Makes a port that calls `reached` on each write, on a vCPU thread.
  public init(reached: @escaping @Sendable () -> Void) { self.reached = reached }

  /// Returns all ones.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Calls `reached`, whatever the value.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) { reached() }
}
