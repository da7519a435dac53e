/// Port F5h: the guest's init writes a byte to it first of all, so that the host sees how long the kernel took.
public final class ProgressPort: BusDevice {
  /// The port.
  public static let port: UInt64 = 0xF5
  private let reached: @Sendable () -> Void

  /// A port whose first and every other write calls `reached`, on a vCPU thread.
  public init(reached: @escaping @Sendable () -> Void) { self.reached = reached }

  /// Nothing to read.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Notes the moment, whatever is written.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) { reached() }
}
