import CExt2
import SystemPackage

/// Files of ext2's and ext3's block pointers.
extension Metadata {
  var blockMapShape: BlockMapShape { BlockMapShape(blockByteCount: blockByteCount) }

  // MARK: Reading

  /// Where the blocks of a file are.
  ///
  /// The walk ends whatever the pointers say: a pointer block that is met a second time is an error, so each is read once.
  func blockMapRuns(of inode: Inode) throws(Errno) -> [Run] {
    let root = blockMapRoot(of: inode)
    let shape = blockMapShape
    var walk = BlockMapWalk()
    for index in 0..<BlockMapShape.directCount where root[index] != 0 {
      try add(root[index], at: UInt64(index), to: &walk)
    }
    for tree in shape.trees where root[tree.slot] != 0 {
      try collect(root[tree.slot], depth: tree.depth, at: tree.range.lowerBound, shape, into: &walk)
    }
    guard !walk.isAmbiguous else { throw .corrupted }
    return walk.runs
  }

  private func collect(
    _ block: UInt32, depth: Int, at logical: UInt64, _ shape: BlockMapShape, into walk: inout BlockMapWalk
  ) throws(Errno) {
    guard walk.pointerBlocks.insert(block).inserted else { throw .corrupted }
    let pointers = try pointers(in: block)
    let span = shape.span(depth: depth - 1)
    for (index, pointer) in pointers.enumerated() where pointer != 0 {
      let position = logical + UInt64(index) * span
      if depth > 1 {
        try collect(pointer, depth: depth - 1, at: position, shape, into: &walk)
      } else {
        try add(pointer, at: position, to: &walk)
      }
    }
  }

  private func add(_ pointer: UInt32, at logical: UInt64, to walk: inout BlockMapWalk) throws(Errno) {
    // A file has no more blocks than the file system.
    guard isPlausible(block: UInt64(pointer), count: 1), walk.blockCount < blockCount else {
      throw .corrupted
    }
    walk.add(logical: logical, physical: UInt64(pointer))
  }

  /// The pointers in the inode.
  private func blockMapRoot(of inode: Inode) -> [UInt32] {
    Self.pointers(inode.blockBytes)
  }

  /// The pointers in a pointer block.
  private func pointers(in block: UInt32) throws(Errno) -> [UInt32] {
    guard isPlausible(block: UInt64(block), count: 1) else { throw .corrupted }
    let bytes = try cache.read(
      byteOffset: UInt64(block) * UInt64(blockByteCount), byteCount: blockByteCount)
    return Self.pointers(bytes)
  }

  private static func pointers(_ bytes: [UInt8]) -> [UInt32] {
    (0..<bytes.count / 4).map { UInt32(littleEndian: bytes.span.load(at: $0 * 4)) }
  }

  private func write(_ pointers: [UInt32], to block: UInt32) throws(Errno) {
    try cache.write(
      byteOffset: UInt64(block) * UInt64(blockByteCount), bytes: pointers.flatMap(\.littleEndian.bytes))
  }

  // MARK: Changes

  /// Points at the blocks of runs, which are allocated and lie in holes of the file. Within a batch.
  ///
  /// - Parameter isPromised: Whether the pointer blocks that this takes were promised to the file.
  /// - Returns: The number of pointer blocks that it took. After an error nothing is changed.
  @discardableResult
  mutating func mapBlocks(_ runs: [Run], in inode: inout Inode, isPromised: Bool) throws(Errno) -> UInt64 {
    var edit = BlockMapEdit(root: blockMapRoot(of: inode))
    do throws(Errno) {
      for run in runs {
        guard run.logicalEnd <= blockMapShape.blockLimit else { throw .fileTooLarge }
        try apply(.fill(run), to: &edit, isPromised: isPromised)
      }
      let added = runs.reduce(0) { $0 + $1.count } + UInt64(edit.newNodes.count)
      try library.addBlocks(added, to: &inode.raw)
    } catch {
      for block in edit.newNodes { giveBack(block: UInt64(block), count: 1) }
      throw error
    }
    try enter(edit, in: &inode)
    return UInt64(edit.newNodes.count)
  }

  /// Frees the blocks of a range, and the pointer blocks that have no pointers then. Within a batch.
  mutating func punchBlocks(_ range: Range<UInt64>, in inode: inout Inode) throws(Errno) {
    var edit = BlockMapEdit(root: blockMapRoot(of: inode))
    try apply(.remove(range.clamped(to: 0..<blockMapShape.blockLimit)), to: &edit, isPromised: false)
    let removed = edit.removed.reduce(0) { $0 + $1.count } + UInt64(edit.emptiedNodes.count)
    guard removed > 0 else { return }
    // A count that would fall below nothing contradicts the map.
    try library.subtractBlocks(removed, from: &inode.raw)
    try enter(edit, in: &inode)
  }

  /// Works out what a change makes of a block map. What it allocates is in `edit`, after an error too.
  private func apply(_ change: ExtentEdit.Change, to edit: inout BlockMapEdit, isPromised: Bool) throws(Errno)
  {
    let shape = blockMapShape
    var root = edit.root
    try set(&root, change.range.clamped(to: 0..<UInt64(BlockMapShape.directCount)), at: 0, change, &edit)
    for tree in shape.trees where change.range.overlaps(tree.range) {
      root[tree.slot] = try changed(
        root[tree.slot], depth: tree.depth, at: tree.range.lowerBound, change, shape, &edit, isPromised)
    }
    edit.root = root
  }

  /// Changes those of a list of pointers, the first of which is for block `logical` of the file, that are for `range`.
  private func set(
    _ pointers: inout [UInt32], _ range: Range<UInt64>, at logical: UInt64, _ change: ExtentEdit.Change,
    _ edit: inout BlockMapEdit
  ) throws(Errno) {
    for block in range {
      let index = Int(block - logical)
      if case .fill(let run) = change {
        guard pointers[index] == 0, let pointer = UInt32(exactly: run.physical + (block - run.logical)) else {
          throw .corrupted
        }
        pointers[index] = pointer
      } else if pointers[index] != 0 {
        guard isPlausible(block: UInt64(pointers[index]), count: 1) else { throw .corrupted }
        edit.remove(logical: block, physical: UInt64(pointers[index]))
        pointers[index] = 0
      }
    }
  }

  /// Changes a pointer block and those below it. Returns the pointer to it afterwards; 0 for none.
  private func changed(
    _ block: UInt32, depth: Int, at logical: UInt64, _ change: ExtentEdit.Change, _ shape: BlockMapShape,
    _ edit: inout BlockMapEdit, _ isPromised: Bool
  ) throws(Errno) -> UInt32 {
    if case .remove = change {
      if block == 0 { return 0 }
      guard edit.visit(block) else { throw .corrupted }
    }
    var old = edit.nodes[block]
    if old == nil, block != 0 { old = try pointers(in: block) }
    var new = old ?? [UInt32](repeating: 0, count: shape.pointerCount)
    let range = change.range.clamped(to: logical..<logical + shape.span(depth: depth))
    if depth == 1 {
      try set(&new, range, at: logical, change, &edit)
    } else {
      let span = shape.span(depth: depth - 1)
      for index in Int((range.lowerBound - logical) / span)...Int((range.upperBound - 1 - logical) / span) {
        new[index] = try changed(
          new[index], depth: depth - 1, at: logical + UInt64(index) * span, change, shape, &edit, isPromised)
      }
    }
    if new == old { return block }
    guard let first = new.first(where: { $0 != 0 }) else {
      edit.empty(block)
      return 0
    }
    if block != 0 {
      edit.change(block, to: new)
      return block
    }
    let taken = try takeBlock(near: UInt64(first), isPromised: isPromised)
    guard let pointer = UInt32(exactly: taken) else {
      giveBack(block: taken, count: 1)
      throw .noSpace
    }
    edit.add(pointer, new)
    return pointer
  }

  /// Enters a change into a file: new pointer blocks first, then the blocks that point at them.
  private mutating func enter(_ edit: BlockMapEdit, in inode: inout Inode) throws(Errno) {
    let freed = edit.removed.map { $0.physical..<$0.physical + $0.count }
    try checkUsed(freed + edit.emptiedNodes.map { UInt64($0)..<UInt64($0) + 1 })
    let isNew = Set(edit.newNodes)
    for block in edit.newNodes { try write(edit.nodes[block] ?? [], to: block) }
    inode.setBlockBytes(edit.root.flatMap(\.littleEndian.bytes))
    try write(inode)
    for (block, pointers) in edit.nodes where !isNew.contains(block) { try write(pointers, to: block) }
    for block in edit.emptiedNodes { release(block: UInt64(block), count: 1) }
    for run in edit.removed { release(block: run.physical, count: run.count) }
  }
}
