/// A range of a DISCARD or WRITE_ZEROES request, checked against the disk.
struct VirtioBlockRange: BitwiseCopyable {
  /// What to do with it.
  var operation = BlockOperation.discard
  /// The start of the range in bytes.
  var offset: UInt64 = 0
  /// Its length in bytes; an empty one is skipped.
  var byteCount: UInt64 = 0
}
