/// A change of a file's block map, worked out in memory before anything is written.
struct BlockMapEdit {
  /// The pointers in the inode.
  var root: [UInt32]
  /// The content of pointer blocks that are new or changed, in no order.
  private(set) var nodes: [UInt32: [UInt32]] = [:]
  /// The new nodes, to which no pointer on the disk leads yet.
  private(set) var newNodes: [UInt32] = []
  /// Pointer blocks that have no pointers any more.
  private(set) var emptiedNodes: [UInt32] = []
  /// The blocks that were removed from the file.
  private(set) var removed: [Run] = []
  /// The pointer blocks from which blocks are removed.
  private var visited: Set<UInt32> = []

  init(root: [UInt32]) { self.root = root }

  /// A pointer block was allocated.
  mutating func add(_ block: UInt32, _ pointers: [UInt32]) {
    newNodes.append(block)
    nodes[block] = pointers
  }

  mutating func change(_ block: UInt32, to pointers: [UInt32]) { nodes[block] = pointers }

  mutating func empty(_ block: UInt32) {
    emptiedNodes.append(block)
    nodes[block] = nil
  }

  /// Records that blocks are removed from a pointer block.
  ///
  /// - Returns: false if the block was visited before, because the map contradicts itself.
  mutating func visit(_ block: UInt32) -> Bool { visited.insert(block).inserted }

  /// A block of the file leaves it.
  mutating func remove(logical: UInt64, physical: UInt64) {
    let run = Run(logical: logical, physical: physical, count: 1, state: .written)
    if let last = removed.last, last.continues(in: run) {
      removed[removed.count - 1].count += 1
    } else {
      removed.append(run)
    }
  }
}

/// The pointer blocks that a walk through a block map has visited.
struct BlockMapWalk {
  var pointerBlocks: Set<UInt32> = []
  private(set) var blockCount: UInt64 = 0
  private(set) var runs: [Run] = []

  /// Adds one block of the file, behind the others.
  mutating func add(logical: UInt64, physical: UInt64) {
    blockCount += 1
    let run = Run(logical: logical, physical: physical, count: 1, state: .written)
    if let last = runs.last, last.continues(in: run) {
      runs[runs.count - 1].count += 1
    } else {
      runs.append(run)
    }
  }

  /// Whether a block of the file is a pointer block too.
  var isAmbiguous: Bool {
    let blocks = pointerBlocks.sorted()
    return runs.contains { run in
      var low = 0
      var high = blocks.count
      while low < high {
        let middle = (low + high) / 2
        if UInt64(blocks[middle]) >= run.physical { high = middle } else { low = middle + 1 }
      }
      return low < blocks.count && UInt64(blocks[low]) < run.physical + run.count
    }
  }
}
