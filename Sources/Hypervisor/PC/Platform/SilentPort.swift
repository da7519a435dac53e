/// A port that ignores every access: 80h (progress codes of firmware) and EDh (written to cause a delay).
///
/// The ports are claimed so that accesses do not count as errors.
public final class SilentPort: BusDevice {
  /// Makes a port.
  public init() {}

  /// Returns all ones.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Does nothing.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {}
}
