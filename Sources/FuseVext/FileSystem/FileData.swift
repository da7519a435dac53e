/// The location of a regular file's data.
struct FileData: Sendable {
  var map: ExtentMap
  var byteCount: UInt64
  let usesExtents: Bool
  /// The contents, if the inode holds them; ``map`` is empty then.
  var inlineContent: [UInt8]?
  /// Whether blocks beyond the end were allocated in advance.
  var hasSpareBlocks = false
  /// Number of reserved blocks of the map, which the disk does not know yet (block pointers only).
  var reservedCount: UInt64 = 0
  /// Number of blocks that the pointers to reserved blocks will need.
  var promisedCount: UInt64 = 0
  /// What the device does not have yet of blocks that the map has.
  var delayed: DelayedBlocks?
}

extension FileData {
  /// Removes reserved blocks without data, which were released.
  mutating func dropReservations() {
    guard !usesExtents else { return }
    for run in map.runs where run.state == .unwritten { map.replace(run.logical..<run.logicalEnd, with: []) }
    reservedCount = 0
    promisedCount = 0
  }

  /// The blocks beyond the end that are freed when the file is closed.
  func spareBlockCount(blockByteCount: Int) -> UInt64 {
    guard hasSpareBlocks else { return 0 }
    let size = UInt64(blockByteCount)
    let end = (byteCount + size - 1) / size
    return map.runs(in: end..<UInt64.max).reduce(0) { $0 + $1.count }
  }
}
