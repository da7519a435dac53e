import Synchronization

/// Port F4h, to which a guest writes the exit code of its command. Does not end the machine. Any thread.
public final class ExitStatusPort: BusDevice {
  /// The port.
  public static let port: UInt64 = 0xF4
  private let recorded = Mutex<UInt8?>(nil)

  /// Makes a port without a code.
  public init() {}

  /// The last code that the guest wrote; nil without one.
  public var status: UInt8? { recorded.withLock { $0 } }

  /// Returns all ones.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Records one byte.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {
    guard byteCount == 1 else { return }
    recorded.withLock { $0 = UInt8(truncatingIfNeeded: value) }
  }
}
