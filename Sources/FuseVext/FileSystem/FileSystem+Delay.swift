import Synchronization
import SystemPackage

extension FileSystem {
  /// Maximum number of bytes that all files together delay.
  static let delayedByteCount = 32 << 20

  /// Keeps a small write in memory until the file is committed, with its blocks allocated, for a caller that has the inode
  /// exclusively.
  ///
  /// - Returns: False if the write must go to the device now.
  func delay(
    _ inode: OpenInode, offset: UInt64, _ source: BlockMemory, _ resources: ServingResources
  ) throws(Errno) -> Bool {
    guard source.count <= DelayedBlocks.largestWriteByteCount, durability != .everything,
      !inode.isSynchronous.load(ordering: .relaxed)
    else { return false }
    try loadChangeable(inode, resources)
    let size = UInt64(blockByteCount)
    let endOffset = offset + UInt64(source.count)
    let blocks = offset / size..<(endOffset + size - 1) / size
    if inode.data?.delayed?.canTake(blocks) == false { try writeDelayed(inode, resources) }
    try allocate(blocks, of: inode, endOffset: endOffset, resources)
    guard let map = inode.data?.map else { throw .ioError }
    var delayed =
      inode.data?.delayed
      ?? DelayedBlocks(first: blocks.lowerBound, blockByteCount: blockByteCount, room: delayedRoom)
    guard delayed.canTake(blocks) else { return false }
    // Empty if the write lies among the blocks that are delayed.
    let end = delayed.blocks.upperBound
    let new = max(blocks.lowerBound, end)..<max(blocks.upperBound, end)
    let memory = resources.staging.slice(0, Int(new.upperBound - new.lowerBound) * blockByteCount)
    try readEnds(of: new, around: offset..<endOffset, map: map, into: memory, resources)
    // Only this function holds the contents from here on, so that adding to them copies nothing.
    inode.data?.delayed = nil
    guard delayed.append(memory) else {
      if !delayed.content.isEmpty { inode.data?.delayed = delayed }
      return false
    }
    delayed.replace(at: Int(offset - delayed.first * size), with: source)
    inode.data?.delayed = delayed
    let oldByteCount = inode.data?.byteCount ?? 0
    inode.data?.byteCount = max(oldByteCount, endOffset)
    noteDataChange(inode)
    return true
  }

  /// Reads the blocks at the ends of a range that a write replaces in part; the rest of `memory` gets no contents.
  func readEnds(
    of blocks: Range<UInt64>, around written: Range<UInt64>, map: ExtentMap, into memory: BlockMemory,
    _ resources: ServingResources
  ) throws(Errno) {
    guard !blocks.isEmpty else { return }
    let size = UInt64(blockByteCount)
    let (first, last) = (blocks.lowerBound, blocks.upperBound - 1)
    let isLastPartial = written.upperBound < blocks.upperBound * size
    if written.lowerBound > first * size || isLastPartial && first == last {
      try readBlocks(first..<first + 1, map: map, into: memory.slice(0, blockByteCount), resources)
    }
    if isLastPartial, first != last {
      try readBlocks(
        last..<last + 1, map: map, into: memory.slice(memory.count - blockByteCount, blockByteCount),
        resources)
    }
  }

  /// Writes to the device what is delayed of a file, for a caller that has the inode exclusively.
  ///
  /// After an error it stays delayed.
  func writeDelayed(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    guard let data = inode.data, let delayed = data.delayed else { return }
    let memory = resources.staging.slice(0, delayed.content.count)
    memory.copy(from: delayed.content.span)
    resources.requests.removeAll(keepingCapacity: true)
    enqueueWrites(delayed.blocks, map: data.map, from: memory, resources)
    try perform(resources)
    inode.data?.map.markPending(delayed.blocks)
    inode.data?.delayed = nil
  }

  /// Commits a file that a rename is about to put in another one's place.
  ///
  /// Programs that replace a file by renaming a new one expect one of the two after a crash, though they do not call fsync: the kernel's
  /// ext4 does the same (`auto_da_alloc`).
  func commitReplacement(
    _ source: Metadata.Place, of target: Metadata.Place, _ resources: ServingResources
  ) throws(Errno) {
    try checkWritable()
    let number = try inspect(resources) { (metadata) throws(Errno) -> UInt32? in
      guard let moved = try metadata.lookup(source.name, in: source.parent), target.name.count <= 255,
        try metadata.lookup(target.name, in: target.parent) != nil
      else { return nil }
      return moved.inode
    }
    guard let number, let inode = knownInode(number), inode.isDirty.load(ordering: .relaxed) else { return }
    try commit(inode, resources)
  }

  /// Commits a file that was emptied and then written, when it is closed, for the same reason.
  func commitRewritten(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    if inode.wasEmptied.exchange(false, ordering: .relaxed) { try commit(inode, resources) }
  }
}
