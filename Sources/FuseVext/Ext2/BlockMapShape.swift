/// The shape of ext2's and ext3's block map: the inode has twelve pointers to blocks of the file, and one pointer each to a
/// tree of one, two and three levels of pointer blocks.
struct BlockMapShape {
  /// A tree of pointer blocks.
  struct Tree {
    /// The index of the inode's pointer that leads to it.
    let slot: Int
    /// The levels of pointer blocks.
    let depth: Int
    /// The blocks of the file that it is for.
    let range: Range<UInt64>
  }

  static let directCount = 12
  /// The pointers in the inode.
  static let rootCount = 15

  /// The pointers of one block.
  let pointerCount: Int
  let trees: [Tree]

  init(blockByteCount: Int) {
    pointerCount = blockByteCount / 4
    var trees: [Tree] = []
    var first = UInt64(Self.directCount)
    var span: UInt64 = 1
    for depth in 1...3 {
      span *= UInt64(pointerCount)
      trees.append(Tree(slot: Self.directCount + depth - 1, depth: depth, range: first..<first + span))
      first += span
    }
    self.trees = trees
  }

  /// The number of blocks that the map reaches.
  var blockLimit: UInt64 { trees[2].range.upperBound }

  /// The blocks of the file that one pointer block is for, `depth` levels above the file's blocks.
  func span(depth: Int) -> UInt64 {
    var span: UInt64 = 1
    for _ in 0..<depth { span *= UInt64(pointerCount) }
    return span
  }

  /// Number of pointer blocks that a run in a hole of `map` needs in addition to those of `map`.
  func pointerBlockCount(for run: Run, beside map: ExtentMap) -> UInt64 {
    var count: UInt64 = 0
    for tree in trees {
      let part = (run.logical..<run.logicalEnd).clamped(to: tree.range)
      guard !part.isEmpty else { continue }
      for depth in 1...tree.depth {
        let span = span(depth: depth)
        let first = (part.lowerBound - tree.range.lowerBound) / span
        let last = (part.upperBound - 1 - tree.range.lowerBound) / span
        count += last - first + 1
        // The pointer blocks between are for this run alone.
        for index in first == last ? [first] : [first, last] {
          let begin = tree.range.lowerBound + index * span
          if map.hasRuns(in: begin..<begin + span) { count -= 1 }
        }
      }
    }
    return count
  }
}
