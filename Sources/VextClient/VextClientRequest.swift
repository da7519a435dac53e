/// A request for ``VextClientQueue/perform(_:)``, which carries out several at once.
@unsafe
public enum VextClientRequest {
  /// Reads the disk from `offset` on into `buffer`.
  case read(offset: UInt64, buffer: UnsafeMutableRawBufferPointer)
  /// Writes `buffer` to the disk from `offset` on.
  case write(offset: UInt64, buffer: UnsafeRawBufferPointer)
  /// Brings the data of completed writes to stable storage.
  case flush
  /// Discards a range of the disk.
  case discard(offset: UInt64, byteCount: UInt64)
  /// Fills a range of the disk with zeroes.
  case writeZeroes(offset: UInt64, byteCount: UInt64)
}
