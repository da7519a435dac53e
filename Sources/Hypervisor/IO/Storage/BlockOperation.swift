/// What an engine can do to a disk.
public enum BlockOperation: BitwiseCopyable, Sendable {
  /// Disk to memory.
  case read
  /// Memory to disk.
  case write
  /// Memory to disk, and onto stable storage before it is done.
  case durableWrite
  /// Everything written so far onto stable storage.
  case flush
  /// The range is no longer needed.
  case discard
  /// The range reads as zeroes from now on.
  case writeZeroes
}
