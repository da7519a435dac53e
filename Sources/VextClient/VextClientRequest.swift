/// One of several requests that are carried out at once: see ``VextClientQueue/perform(_:)``.
@unsafe
public enum VextClientRequest {
  /// Reads the disk from `offset` on into `buffer`.
  case read(offset: UInt64, buffer: UnsafeMutableRawBufferPointer)
  /// Writes `buffer` to the disk from `offset` on.
  case write(offset: UInt64, buffer: UnsafeRawBufferPointer)
  /// Brings what was written before on stable storage.
  case flush
  /// Gives a range of the disk up.
  case discard(offset: UInt64, byteCount: UInt64)
  /// Fills a range of the disk with zeroes.
  case writeZeroes(offset: UInt64, byteCount: UInt64)
}
