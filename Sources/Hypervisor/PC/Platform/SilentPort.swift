/// A port that takes everything and does nothing: 80h (progress codes of firmware) and EDh (written to for the time
/// that it takes). Claimed, so that nobody takes the accesses for a mistake.
public final class SilentPort: BusDevice {
  /// A port.
  public init() {}

  /// All ones.
  public func read(offset: UInt64, byteCount: Int) -> UInt64 { .max }

  /// Nothing.
  public func write(offset: UInt64, byteCount: Int, value: UInt64) {}
}
