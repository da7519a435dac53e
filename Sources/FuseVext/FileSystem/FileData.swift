/// Where the data of a regular file are.
struct FileData: Sendable {
  var map: ExtentMap
  var byteCount: UInt64
  let usesExtents: Bool
  /// Blocks beyond the end were allocated for the writes to come.
  var hasSpareBlocks = false
}
