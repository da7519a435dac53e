/// The state of a request while the engine works on it, indexed by the chain's head.
struct VirtioBlockSlot: BitwiseCopyable {
  /// Bytes that the engine must move for the request to succeed, or of all its ranges.
  var byteCount: UInt64 = 0
  /// The engine's result so far: number of bytes, or the first -errno.
  var result: Int64 = 0
  /// Bytes of guest memory that are written if it succeeds, the status included.
  var writtenByteCount: UInt32 = 0
  /// When it began: ``DiskActivity/begin(_:byteCount:)``.
  var startTicks: UInt64 = 0
  /// Results that the engine still owes: 1 for a transfer, one for each range.
  var partCount: UInt32 = 0

  /// Whether the engine has it.
  var isUnderWay: Bool { partCount > 0 }

  /// Takes the result of one part; tells whether it was the last.
  @inline(__always)
  mutating func take(_ part: Int64) -> Bool {
    note(part)
    partCount &-= 1
    return partCount == 0
  }

  /// Adds the result of a part that the engine never had.
  @inline(__always)
  mutating func note(_ part: Int64) {
    if result >= 0 { result = part < 0 ? part : result &+ part }
  }
}
