/// Something that answers reads and writes of a range of ports or of memory addresses.
///
/// vCPU threads call it, several at a time; the device does its own locking.
public protocol BusDevice: AnyObject, Sendable {
  /// Answers a read of 1, 2, 4 or 8 bytes at `offset` bytes into the range. Never traps, whatever the offset:
  /// what is not there reads as all ones.
  func read(offset: UInt64, byteCount: Int) -> UInt64

  /// Takes a write of 1, 2, 4 or 8 bytes at `offset` bytes into the range. What is not there ignores it.
  func write(offset: UInt64, byteCount: Int, value: UInt64)
}
