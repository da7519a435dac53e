/// The operations of an engine on a disk.
public enum BlockOperation: BitwiseCopyable, Sendable {
  /// Reads from the disk to memory.
  case read
  /// Writes from memory to the disk.
  case write
  /// Writes from memory to the disk, and completes once the data are on stable storage.
  case durableWrite
  /// Brings everything written so far to stable storage.
  case flush
  /// Discards a range, whose contents are no longer needed.
  case discard
  /// Makes a range read as zeroes.
  case writeZeroes

  /// Whether it moves bytes between memory and the disk.
  var movesBytes: Bool {
    switch self {
    case .read, .write, .durableWrite: true
    case .flush, .discard, .writeZeroes: false
    }
  }
}
