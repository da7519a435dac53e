import CExt2
import SystemPackage

extension Metadata {
  /// Where the blocks of a file are, as the disk says.
  func runs(of inode: Inode) throws(Errno) -> ExtentMap {
    guard inode.flags & UInt32(EXT4_INLINE_DATA_FL) == 0 else { throw .corrupted }
    var runs: [Run] = []
    if inode.usesExtents {
      let all = 0..<ExtentNode.logicalLimit
      try collect(try extentRoot(of: inode), for: all, of: inode.number, into: &runs)
    } else {
      runs = try mappedBlocks(of: inode)
    }
    guard let map = ExtentMap(runs) else { throw .corrupted }
    return map
  }

  private func collect(
    _ node: ExtentNode, for range: Range<UInt64>, of number: UInt32, into runs: inout [Run]
  ) throws(Errno) {
    if node.depth == 0 {
      runs += node.runs
      return
    }
    for index in node.entries.indices {
      let below = try extentNode(below: node, at: index, in: range, of: number)
      try collect(below, for: node.range(at: index, in: range), of: number, into: &runs)
    }
  }

  /// The runs of a file of ext2's and ext3's block pointers.
  private func mappedBlocks(of inode: Inode) throws(Errno) -> [Run] {
    let collector = BlockCollector(firstDataBlock: firstDataBlock, blockCount: blockCount)
    let result = unsafe ext2fs_block_iterate3(
      fileSystem, inode.number, BLOCK_FLAG_READ_ONLY, nil,
      { _, block, logical, _, _, context in
        guard let block = unsafe block, let context = unsafe context else { return BLOCK_ABORT }
        // SAFETY: the collector lives until the call returns.
        let collector = unsafe Unmanaged<BlockCollector>.fromOpaque(context).takeUnretainedValue()
        return collector.add(logical: logical, physical: unsafe block.pointee) ? 0 : BLOCK_ABORT
      }, Unmanaged.passUnretained(collector).toOpaque())
    try ext2Check(result)
    guard collector.isSound else { throw .corrupted }
    return collector.runs
  }

  // MARK: Changes

  /// Enters runs, in rising order, where a file's extent tree has holes. Their blocks were allocated for it.
  ///
  /// - Parameter byteCount: The size that the file gets.
  /// - Returns: Whether blocks beyond that size were given up for it (see ``change(_:in:added:byteCount:)``).
  mutating func fill(_ runs: [Run], of number: UInt32, byteCount: UInt64) throws(Errno) -> Bool {
    var inode = try inode(number)
    return try change(
      runs.map { .fill($0) }, in: &inode, added: runs.reduce(0) { $0 + $1.count }, byteCount: byteCount)
  }

  /// Says in the extent tree that blocks hold data now.
  ///
  /// - Parameters:
  ///   - runs: In rising order, none beyond the size.
  ///   - byteCount: The size that the file gets.
  /// - Returns: As ``fill(_:of:byteCount:)``.
  mutating func markWritten(_ runs: [Run], of number: UInt32, byteCount: UInt64) throws(Errno) -> Bool {
    guard !runs.isEmpty else { return false }
    var inode = try inode(number)
    return try change(runs.map { .markWritten($0) }, in: &inode, added: 0, byteCount: byteCount)
  }

  /// Frees the blocks of a range of a file.
  ///
  /// - Parameter byteCount: The size that the file has or gets.
  /// - Returns: As ``fill(_:of:byteCount:)``.
  @discardableResult
  mutating func punch(_ range: Range<UInt64>, of number: UInt32, byteCount: UInt64) throws(Errno) -> Bool {
    guard !range.isEmpty else { return false }
    return try batch { (metadata: inout Metadata) throws(Errno) in
      var inode = try metadata.inode(number)
      if inode.usesExtents {
        return try metadata.change([.remove(range)], in: &inode, added: 0, byteCount: byteCount)
      }
      // libext2fs would follow pointers in circles.
      _ = try metadata.mappedBlocks(of: inode)
      let last = range.upperBound == .max ? UInt64.max : range.upperBound - 1
      try ext2Check(unsafe ext2fs_punch(metadata.fileSystem, number, nil, nil, range.lowerBound, last))
      return false
    }
  }

  /// Changes an extent tree.
  ///
  /// A tree of more than two levels gets no leaf beyond the file's size: e2fsck 1.47 measures the last node by that size, and
  /// would take away the one that the size is in, with the data before it. So the size is written with the tree there,
  /// and blocks beyond it are given up.
  private mutating func change(
    _ changes: [ExtentEdit.Change], in inode: inout Inode, added: UInt64, byteCount: UInt64
  ) throws(Errno) -> Bool {
    let end = (byteCount + UInt64(blockByteCount) - 1) / UInt64(blockByteCount)
    let last = changes.last?.range.upperBound ?? 0
    let beyond = end..<ExtentNode.logicalLimit
    let mayGiveUp = last <= end && !beyond.isEmpty
    let oldDepth = try extentRoot(of: inode).depth
    var givesUp = mayGiveUp && oldDepth > 1
    var edit = try extentEdit(of: inode, givesUp ? changes + [.remove(beyond)] : changes)
    if edit.root.depth > 1 {
      if case .fill = changes.last, last > end {
        discard(edit)
        throw .notSupported
      }
      if mayGiveUp, !givesUp {
        discard(edit)
        givesUp = true
        edit = try extentEdit(of: inode, changes + [.remove(beyond)])
      }
      if byteCount > inode.byteCount { try setByteCount(byteCount, of: &inode) }
    }
    try enter(edit, added: added, in: &inode)
    return givesUp
  }
}

/// Collects block pointers as runs.
private final class BlockCollector {
  private let firstDataBlock: UInt64
  private let blockCount: UInt64
  private var total: UInt64 = 0
  private(set) var runs: [Run] = []
  private(set) var isSound = true

  init(firstDataBlock: UInt64, blockCount: UInt64) {
    self.firstDataBlock = firstDataBlock
    self.blockCount = blockCount
  }

  /// Takes a pointer to data, or, with a negative position in the file, to further pointers.
  func add(logical: Int64, physical: UInt64) -> Bool {
    total += 1
    // A file has no more blocks than the file system: pointers that say so run in circles.
    guard physical > firstDataBlock, physical < blockCount, total <= blockCount else {
      isSound = false
      return false
    }
    guard logical >= 0 else { return true }
    let run = Run(logical: UInt64(logical), physical: physical, count: 1, state: .written)
    if let last = runs.last, last.continues(in: run) {
      runs[runs.count - 1].count += 1
    } else {
      runs.append(run)
    }
    return true
  }
}
