/// The largest sizes of files, in bytes: those of the kernel's ext4.
struct SizeLimits: Equatable {
  /// The limit of a file of extents, and of the end of any operation on a file.
  let extents: UInt64
  /// The limit of a file of block pointers.
  let blockMap: UInt64

  /// - Parameter countsHugeFiles: Whether inodes can count 2^32 units of 512 bytes and more (`huge_file`).
  init(blockByteCount: Int, countsHugeFiles: Bool) {
    let size = UInt64(blockByteCount)
    // The blocks of which every unit is below number 2^32 - 1.
    let countable = countsHugeFiles ? UInt64.max : UInt64(UInt32.max) / (size / 512)
    // A block's number is one of 32 bits, and the last is left out so that a length of all is too.
    extents = min(UInt64(UInt32.max), countable) * size
    blockMap = min(
      Self.blockMapLimit(BlockMapShape(blockByteCount: blockByteCount), countable) * size, extents)
  }

  /// The blocks that a map reaches so that they and the pointer blocks, all there, are at most `countable`.
  private static func blockMapLimit(_ shape: BlockMapShape, _ countable: UInt64) -> UInt64 {
    let pointers = UInt64(shape.pointerCount)
    let all = 1 + (1 + pointers) + (1 + pointers + pointers * pointers)
    guard countable - min(all, countable) < shape.blockLimit else { return shape.blockLimit }
    // The kernel counts as if `countable` blocks had pointers, of which some lead to the pointer blocks.
    let third = countable - shape.trees[1].range.upperBound
    let middle = (third + pointers * pointers - 1) / (pointers * pointers)
    let last = (third + pointers - 1) / pointers
    return countable - (1 + (1 + pointers) + (1 + middle + last))
  }
}
