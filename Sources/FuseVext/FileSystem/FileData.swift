/// Where the data of a regular file are.
struct FileData: Sendable {
  var map: ExtentMap
  var byteCount: UInt64
  let usesExtents: Bool
  /// The contents, if the inode holds them: ``map`` is empty then.
  var inlineContent: [UInt8]?
  /// Blocks beyond the end were allocated for the writes to come.
  var hasSpareBlocks = false
  /// The blocks of the map that are reserved: the disk does not know of them (block pointers alone).
  var reservedCount: UInt64 = 0
  /// The blocks that pointers to these will need.
  var promisedCount: UInt64 = 0
}

extension FileData {
  /// Forgets reserved blocks that no data were written to: they were given back.
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
