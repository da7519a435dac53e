import CExt2
import SystemPackage

extension Metadata {
  // MARK: Nodes

  /// The root of a file's extent tree.
  func extentRoot(of inode: Inode) throws(Errno) -> ExtentNode {
    guard let root = ExtentNode(inode.blockBytes, depth: nil, range: 0..<ExtentNode.logicalLimit) else {
      throw .corrupted
    }
    try checkBlocks(of: root)
    return root
  }

  /// The node below entry `index` of another one, which is for the file's blocks of `range`.
  ///
  /// A node is one level lower than the one above it, is not empty, and has nothing outside of its range. So a walk ends:
  /// a node is never its own descendant, and sound at one place alone.
  func extentNode(
    below node: ExtentNode, at index: Int, in range: Range<UInt64>, of number: UInt32
  ) throws(Errno) -> ExtentNode {
    let entry = node.entries[index]
    let bytes = try cache.read(
      byteOffset: entry.physical * UInt64(blockByteCount), byteCount: blockByteCount)
    let upperBound = node.range(at: index, in: range).upperBound
    guard let below = ExtentNode(bytes, depth: node.depth - 1, range: entry.logical..<upperBound) else {
      throw .corrupted
    }
    guard try library.isIntact(extentNode: bytes, of: number) else { throw .corrupted }
    try checkBlocks(of: below)
    return below
  }

  private func checkBlocks(of node: ExtentNode) throws(Errno) {
    for entry in node.entries
    where !isPlausible(block: entry.physical, count: node.depth > 0 ? 1 : entry.count) {
      throw .corrupted
    }
  }

  private func write(_ node: ExtentNode, to block: UInt64, of number: UInt32) throws(Errno) {
    var bytes = node.encoded(byteCount: blockByteCount)
    try library.setChecksum(ofExtentNode: &bytes, of: number)
    try cache.write(byteOffset: block * UInt64(blockByteCount), bytes: bytes)
  }

  // MARK: Changes

  /// Works out what changes, which rise and do not overlap, make of a file's extent tree. After an error nothing is
  /// allocated.
  func extentEdit(of inode: Inode, _ changes: [ExtentEdit.Change]) throws(Errno) -> ExtentEdit {
    var edit = ExtentEdit()
    do throws(Errno) {
      let all = 0..<ExtentNode.logicalLimit
      var root = try changed(try extentRoot(of: inode), for: all, changes[...], of: inode, &edit)
      while root.entries.count > ExtentNode.capacity(byteCount: ExtentNode.rootByteCount) {
        guard root.depth < ExtentNode.greatestDepth else { throw .fileTooLarge }
        root = ExtentNode(
          depth: root.depth + 1, entries: try placed(root, in: nil, isGrowing: true, &edit))
      }
      edit.root = root.entries.isEmpty ? ExtentNode(depth: 0, entries: []) : root
    } catch {
      discard(edit)
      throw error
    }
    return edit
  }

  /// Releases the blocks that were allocated for a change that is not made.
  func discard(_ edit: ExtentEdit) {
    for node in edit.newNodes { giveBack(block: node.block, count: 1) }
  }

  /// A node after the changes that touch its range. It may be empty, or longer than a node can be.
  private func changed(
    _ node: ExtentNode, for range: Range<UInt64>, _ changes: ArraySlice<ExtentEdit.Change>, of inode: Inode,
    _ edit: inout ExtentEdit
  ) throws(Errno) -> ExtentNode {
    if node.depth == 0 {
      guard var map = ExtentMap(node.runs) else { throw .corrupted }
      for change in changes {
        guard let removed = map.apply(change, in: change.range.clamped(to: range)) else { throw .corrupted }
        edit.removed += removed
      }
      return ExtentNode(runs: map.runs)
    }
    var entries: [ExtentNode.Entry] = []
    entries.reserveCapacity(node.entries.count + 1)
    var rest = changes
    for index in node.entries.indices {
      let below = node.range(at: index, in: range)
      while let first = rest.first, first.range.upperBound <= below.lowerBound { rest.removeFirst() }
      let mine = rest.prefix { $0.range.lowerBound < below.upperBound }
      guard let last = mine.last else {
        entries.append(node.entries[index])
        continue
      }
      let old = try extentNode(below: node, at: index, in: range, of: inode.number)
      let new = try changed(old, for: below, mine, of: inode, &edit)
      let isGrowing = last.range.lowerBound > old.entries.last?.logical ?? 0
      entries += try placed(
        new, in: node.entries[index].physical, isGrowing: isGrowing, &edit)
    }
    return ExtentNode(depth: node.depth, entries: entries)
  }

  /// Places a node in a block, or in several if it is too long for one. Returns the entries that point at them.
  private func placed(
    _ node: ExtentNode, in block: UInt64?, isGrowing: Bool, _ edit: inout ExtentEdit
  ) throws(Errno) -> [ExtentNode.Entry] {
    let parts = node.split(
      capacity: ExtentNode.capacity(byteCount: blockByteCount), isGrowing: isGrowing)
    if parts.isEmpty, let block { edit.emptiedNodes.append(block) }
    var entries: [ExtentNode.Entry] = []
    for (index, part) in parts.enumerated() {
      let place: UInt64
      if index == 0, let block {
        place = block
        edit.changedNodes.append((place, part))
      } else {
        place = try takeBlock(near: block ?? edit.newNodes.last?.block ?? node.entries[0].physical)
        edit.newNodes.append((place, part))
      }
      entries.append(ExtentNode.Entry(logical: part.entries[0].logical, physical: place))
    }
    return entries
  }

  /// Enters a change into a file: new nodes first, then what points at them, then the nodes that have become shorter.
  ///
  /// - Parameters:
  ///   - added: The blocks of data that the file has got.
  ///   - inode: The file's; written with its new root and its new count of blocks.
  mutating func enter(_ edit: ExtentEdit, added: UInt64, in inode: inout Inode) throws(Errno) {
    var removed = UInt64(edit.emptiedNodes.count)
    for run in edit.removed { removed += run.count }
    let gained = added + UInt64(edit.newNodes.count)
    // A count that would fall below nothing contradicts the tree.
    try library.addBlocks(gained, to: &inode.raw)
    try library.subtractBlocks(removed, from: &inode.raw)
    try checkUsed(
      edit.removed.map { $0.physical..<$0.physical + $0.count } + edit.emptiedNodes.map { $0..<$0 + 1 })
    for (block, node) in edit.newNodes { try write(node, to: block, of: inode.number) }
    inode.setBlockBytes(edit.root.encoded(byteCount: ExtentNode.rootByteCount))
    try write(inode)
    for (block, node) in edit.changedNodes.sorted(by: { $0.node.depth > $1.node.depth }) {
      try write(node, to: block, of: inode.number)
    }
    for block in edit.emptiedNodes { release(block: block, count: 1) }
    for run in edit.removed { release(block: run.physical, count: run.count) }
  }

  /// Checks that ranges to be freed are in use and do not overlap.
  func checkUsed(_ ranges: [Range<UInt64>]) throws(Errno) {
    var end: UInt64 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard range.lowerBound >= end, isUsed(range) else { throw .corrupted }
      end = range.upperBound
    }
  }
}
