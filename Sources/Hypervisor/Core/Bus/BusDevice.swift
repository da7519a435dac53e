/// A device that answers reads and writes of a range of ports or memory addresses.
///
/// vCPU threads call it, several at the same time; the device does its own locking.
public protocol BusDevice: AnyObject, Sendable {
  /// Answers a read of 1, 2, 4 or 8 bytes at `offset` bytes into the range.
  ///
  /// Never traps, whatever the offset; an offset without a register reads as all ones.
  func read(offset: UInt64, byteCount: Int) -> UInt64

  /// Handles a write of 1, 2, 4 or 8 bytes at `offset` bytes into the range. Ignores an offset without a register.
  func write(offset: UInt64, byteCount: Int, value: UInt64)
}
