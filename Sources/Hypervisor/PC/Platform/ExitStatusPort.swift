import Synchronization

/// Where a guest leaves the exit code of the command that it ran: port F4h. Ends nothing. Any thread.
public final class ExitStatusPort: BusDevice {
  /// The port.
  public static let port: UInt64 = 0xF4
  private let recorded = Mutex<UInt8?>(nil)

  /// A port without a code.
  public init() {}

  /// The last code that the guest left, or nil.
  public var status: UInt8? { recorded.withLock { $0 } }

  /// All ones.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Records one byte.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard byteCount == 1 else { return }
    recorded.withLock { $0 = UInt8(truncatingIfNeeded: value) }
  }
}
