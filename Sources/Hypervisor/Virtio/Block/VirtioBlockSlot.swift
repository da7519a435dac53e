/// What is kept of a request while the engine works on it; its head is its place.
struct VirtioBlockSlot: BitwiseCopyable {
  /// Bytes that the engine must move for the request to succeed.
  var byteCount: UInt64 = 0
  /// Bytes of guest memory that are written if it succeeds, the status included.
  var writtenByteCount: UInt32 = 0
  /// When it began: ``DiskActivity/begin(_:byteCount:)``.
  var startTicks: UInt64 = 0
  /// Whether the engine has it.
  var isUnderWay = false
}
