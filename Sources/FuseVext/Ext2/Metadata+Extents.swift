import CExt2
import SystemPackage

extension Metadata {
  /// Where the blocks of a file are, as the disk says.
  ///
  /// - Parameter limit: What lies at this block of the file or behind it is left out.
  func runs(of inode: Inode, below limit: UInt64 = .max) throws(Errno) -> ExtentMap {
    guard inode.flags & UInt32(EXT4_INLINE_DATA_FL) == 0 else { throw .corrupted }
    var runs: [Run] = []
    if inode.usesExtents {
      let all = 0..<ExtentNode.logicalLimit
      var total: UInt64 = 0
      try collect(
        try extentRoot(of: inode), for: all, below: limit, of: inode.number, into: &runs, total: &total)
    } else {
      runs = try blockMapRuns(of: inode).filter { $0.logical < limit }.map { $0.clipped(to: 0..<limit) }
    }
    guard let map = ExtentMap(runs) else { throw .corrupted }
    return map
  }

  /// Adds the extents below a node. A file has no more blocks than the file system, however many extents claim the same.
  private func collect(
    _ node: ExtentNode, for range: Range<UInt64>, below limit: UInt64, of number: UInt32,
    into runs: inout [Run], total: inout UInt64
  ) throws(Errno) {
    if node.depth == 0 {
      for run in node.runs where run.logical < limit {
        let run = run.clipped(to: 0..<limit)
        total += run.count
        guard total <= blockCount else { throw .corrupted }
        runs.append(run)
      }
      return
    }
    for index in node.entries.indices where node.entries[index].logical < limit {
      let below = try extentNode(below: node, at: index, in: range, of: number)
      try collect(
        below, for: node.range(at: index, in: range), below: limit, of: number, into: &runs, total: &total)
    }
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
      ?? false
  }

  /// Says in the extent tree that blocks hold data now.
  ///
  /// - Parameters:
  ///   - runs: In rising order, none beyond the size.
  ///   - byteCount: The size that the file gets.
  /// - Returns: How many of the runs were done, at least one: what touches more nodes is too large for one step. And as
  ///   ``fill(_:of:byteCount:)``.
  mutating func markWritten(
    _ runs: [Run], of number: UInt32, byteCount: UInt64
  ) throws(Errno) -> (count: Int, gaveUp: Bool) {
    guard !runs.isEmpty else { return (0, false) }
    var count = runs.count
    while true {
      var inode = try inode(number)
      let gaveUp = try change(
        runs.prefix(count).map { .markWritten($0) }, in: &inode, added: 0, byteCount: byteCount,
        nodeLimit: count > 1 ? 40 : .max)
      if let gaveUp { return (count, gaveUp) }
      count /= 2
    }
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
        return try metadata.change([.remove(range)], in: &inode, added: 0, byteCount: byteCount) ?? false
      }
      try metadata.punchBlocks(range, in: &inode)
      return false
    }
  }

  /// Changes an extent tree.
  ///
  /// A tree of more than two levels gets no leaf beyond the file's size: e2fsck 1.47 measures the last node by that size, and
  /// would take away the one that the size is in, with the data before it. So the size is written with the tree there,
  /// and blocks beyond it are given up.
  ///
  /// - Returns: Whether they were; nil if nothing was changed, since more nodes than `nodeLimit` would be written.
  private mutating func change(
    _ changes: [ExtentEdit.Change], in inode: inout Inode, added: UInt64, byteCount: UInt64,
    nodeLimit: Int = .max
  ) throws(Errno) -> Bool? {
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
    guard edit.newNodes.count + edit.changedNodes.count <= nodeLimit else {
      discard(edit)
      return nil
    }
    try enter(edit, added: added, in: &inode)
    return givesUp
  }
}
