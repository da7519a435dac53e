import CExt2
import SystemPackage

/// The most blocks of one extent (ext4's `EXT_INIT_MAX_LEN`).
private let longestExtent: UInt64 = 32768
/// The most blocks of an unwritten one (ext4's `EXT_UNWRITTEN_MAX_LEN`).
let longestUnwrittenExtent: UInt64 = 32767

extension Metadata {
  /// Where the blocks of a file are, as the disk says.
  func runs(of inode: Inode) throws(Errno) -> ExtentMap {
    guard inode.flags & UInt32(EXT4_INLINE_DATA_FL) == 0 else { throw .corrupted }
    let runs = inode.usesExtents ? try extents(of: inode) : try mappedBlocks(of: inode)
    guard let map = ExtentMap(runs) else { throw .corrupted }
    return map
  }

  private func extents(of inode: Inode) throws(Errno) -> [Run] {
    let handle = try ExtentHandle(self, inode.number)
    var runs: [Run] = []
    var entry = try handle.first()
    var indexStart: UInt64 = 0
    // A tree has no more entries than the file system has blocks: one that has runs in circles.
    var remaining = blockCount + 1024
    while let extent = entry {
      guard remaining > 0 else { throw .corrupted }
      remaining -= 1
      let end = runs.last?.logicalEnd ?? 0
      if extent.e_flags & UInt32(EXT2_EXTENT_FLAGS_LEAF) != 0 {
        let run = Run(
          logical: extent.e_lblk, physical: extent.e_pblk, count: UInt64(extent.e_len),
          state: extent.e_flags & UInt32(EXT2_EXTENT_FLAGS_UNINIT) != 0 ? .unwritten : .written)
        guard run.count > 0, isPlausible(block: run.physical, count: run.count), run.logical < 1 << 32,
          run.logical >= max(end, indexStart)
        else { throw .corrupted }
        runs.append(run)
      } else if extent.e_flags & UInt32(EXT2_EXTENT_FLAGS_SECOND_VISIT) == 0 {
        // What libext2fs would follow in circles when it takes extents out.
        guard extent.e_lblk >= end else { throw .corrupted }
        indexStart = extent.e_lblk
      }
      entry = try handle.next()
    }
    return runs
  }

  /// The runs of a file of ext2's and ext3's block pointers.
  private func mappedBlocks(of inode: Inode) throws(Errno) -> [Run] {
    let collector = BlockCollector(firstDataBlock: firstDataBlock, blockCount: blockCount)
    let result = unsafe ext2fs_block_iterate3(
      fileSystem, inode.number, BLOCK_FLAG_DATA_ONLY | BLOCK_FLAG_READ_ONLY, nil,
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

  /// Enters blocks that read as zeros where the extent tree has a hole. The inode's count of blocks is the caller's.
  func insertUnwritten(_ run: Run, of number: UInt32) throws(Errno) {
    let handle = try ExtentHandle(self, number)
    let extent = ext2fs_extent(
      e_pblk: run.physical, e_lblk: run.logical, e_len: UInt32(run.count),
      e_flags: UInt32(EXT2_EXTENT_FLAGS_LEAF | EXT2_EXTENT_FLAGS_UNINIT))
    guard var near = try handle.seek(run.logical) else { return try handle.insertBefore(extent) }
    guard near.e_flags & UInt32(EXT2_EXTENT_FLAGS_LEAF) != 0 else { throw .corrupted }
    let end = near.e_lblk + UInt64(near.e_len)
    if near.e_lblk > run.logical {
      guard run.logicalEnd <= near.e_lblk else { throw .corrupted }
      try handle.insertBefore(extent)
      return try handle.fixParents()
    }
    guard end <= run.logical else { throw .corrupted }
    if end == run.logical, near.e_flags & UInt32(EXT2_EXTENT_FLAGS_UNINIT) != 0,
      near.e_pblk + UInt64(near.e_len) == run.physical,
      UInt64(near.e_len) + run.count <= longestUnwrittenExtent
    {
      near.e_len += UInt32(run.count)
      return try handle.replace(near)
    }
    try handle.insertAfter(extent)
  }

  /// Says in the extent tree that blocks hold data now.
  mutating func markWritten(_ run: Run, of number: UInt32) throws(Errno) {
    let handle = try ExtentHandle(self, number)
    var block = run.logical
    while block < run.logicalEnd {
      guard let extent = try handle.seek(block), extent.e_lblk <= block,
        UInt64(extent.e_len) > block - extent.e_lblk
      else { throw .corrupted }
      let end = min(extent.e_lblk + UInt64(extent.e_len), run.logicalEnd)
      if extent.e_flags & UInt32(EXT2_EXTENT_FLAGS_UNINIT) != 0 {
        try markWritten(handle, extent, block..<end)
      }
      block = end
    }
  }

  /// The part `range` of one unwritten extent, at which the handle stands.
  private func markWritten(
    _ handle: borrowing ExtentHandle, _ extent: ext2fs_extent, _ range: Range<UInt64>
  ) throws(Errno) {
    let head = range.lowerBound - extent.e_lblk
    let count = range.upperBound - range.lowerBound
    let tail = UInt64(extent.e_len) - head - count
    let written = part(of: extent, from: head, count: count, isWritten: true)
    let rest = part(of: extent, from: head + count, count: tail, isWritten: false)
    if head == 0, var left = try handle.previousSibling(),
      left.e_flags & UInt32(EXT2_EXTENT_FLAGS_UNINIT) == 0,
      left.e_lblk + UInt64(left.e_len) == range.lowerBound,
      left.e_pblk + UInt64(left.e_len) == written.e_pblk,
      UInt64(left.e_len) + count <= longestExtent
    {
      // The left neighbour in the same node grows over it: no node above changes. First the unwritten one shrinks: overlapping extents are never on the disk.
      guard try handle.seek(range.lowerBound) != nil else { throw .corrupted }
      if tail > 0 {
        try handle.replace(rest)
        try handle.fixParents()
      } else {
        try handle.delete()
      }
      left.e_len += UInt32(count)
      guard try handle.seek(left.e_lblk) != nil else { throw .corrupted }
      return try handle.replace(left)
    }
    guard try handle.seek(range.lowerBound) != nil else { throw .corrupted }
    if head > 0 {
      try handle.replace(part(of: extent, from: 0, count: head, isWritten: false))
      try handle.insertAfter(written)
    } else {
      try handle.replace(written)
    }
    if tail > 0 {
      guard try handle.seek(range.lowerBound) != nil else { throw .corrupted }
      try handle.insertAfter(rest)
    }
  }

  private func part(of extent: ext2fs_extent, from: UInt64, count: UInt64, isWritten: Bool) -> ext2fs_extent {
    var part = extent
    part.e_lblk += from
    part.e_pblk += from
    part.e_len = UInt32(count)
    part.e_flags = UInt32(EXT2_EXTENT_FLAGS_LEAF) | (isWritten ? 0 : UInt32(EXT2_EXTENT_FLAGS_UNINIT))
    return part
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

  func add(logical: Int64, physical: UInt64) -> Bool {
    total += 1
    // A file has no more blocks than the file system: pointers that say so run in circles.
    guard logical >= 0, physical > firstDataBlock, physical < blockCount, total <= blockCount else {
      isSound = false
      return false
    }
    let run = Run(logical: UInt64(logical), physical: physical, count: 1, state: .written)
    if let last = runs.last, last.continues(in: run) {
      runs[runs.count - 1].count += 1
    } else {
      runs.append(run)
    }
    return true
  }
}
