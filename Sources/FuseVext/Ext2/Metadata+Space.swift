import CExt2
import SystemPackage

extension Metadata {
  var freeBlockCount: UInt64 { unsafe ext2fs_free_blocks_count(fileSystem.pointee.super) }

  /// A good place for block `logical` of a file that has `map`.
  func goal(for inode: Inode, logical: UInt64, map: ExtentMap) -> UInt64 {
    if let run = map.run(before: logical) {
      let wanted = run.physical + (logical - run.logical)
      if wanted < blockCount { return wanted }
    }
    var copy = inode
    return unsafe ext2fs_find_inode_goal(fileSystem, inode.number, cext2_small(&copy.raw), logical)
  }

  /// Fills the holes of a range with blocks that read as zeros.
  ///
  /// For a file of extents the disk knows them afterwards. Block pointers cannot say "unwritten": there the blocks are
  /// taken in memory alone, and the disk learns of them, by ``map(_:of:)``, when they hold data.
  /// - Returns: What the range has afterwards.
  mutating func allocate(_ range: Range<UInt64>, of number: UInt32, map: ExtentMap) throws(Errno) -> [Run] {
    do throws(Errno) {
      return try allocateOnce(range, of: number, map: map)
    } catch .noSpace where !freed.ranges.isEmpty {
      try cache.queue.flush()
      unsafe freed.release(freed.take(), in: fileSystem)
      // What was allocated before the failure, of extents, is on the disk; block pointers were given back.
      let file = try inode(number)
      return try allocateOnce(range, of: number, map: file.usesExtents ? try runs(of: file) : map)
    }
  }

  private mutating func allocateOnce(
    _ range: Range<UInt64>, of number: UInt32, map: ExtentMap
  ) throws(Errno) -> [Run] {
    let file = try inode(number)
    guard file.usesExtents else { return try takeBlocks(range, of: file, map: map) }
    return try batch { (metadata: inout Metadata) throws(Errno) in
      for hole in map.holes(in: range) {
        try ext2Check(
          unsafe ext2fs_fallocate(
            metadata.fileSystem, EXT2_FALLOCATE_FORCE_UNINIT, number, nil,
            metadata.goal(for: file, logical: hole.lowerBound, map: map), hole.lowerBound,
            hole.upperBound - hole.lowerBound))
      }
      let allocated = try metadata.runs(of: try metadata.inode(number), in: range)
      guard allocated.holes(in: range).isEmpty else { throw .noSpace }
      return allocated.runs.filter { $0.logicalEnd > range.lowerBound && $0.logical < range.upperBound }
        .map { $0.clipped(to: range) }
    }
  }

  private mutating func takeBlocks(_ range: Range<UInt64>, of file: Inode, map: ExtentMap) throws(Errno)
    -> [Run]
  {
    // The pointers to them need blocks too.
    let wanted = range.upperBound - range.lowerBound
    guard freeBlockCount > wanted + wanted / 64 + 8 else { throw .noSpace }
    guard range.upperBound <= classicLimit else { throw .fileTooLarge }
    var result = map
    var taken: [Run] = []
    do throws(Errno) {
      for hole in map.holes(in: range) {
        var block = hole.lowerBound
        while block < hole.upperBound {
          let run = try takeRun(block..<hole.upperBound, of: file, map: result)
          taken.append(run)
          result.replace(run.logical..<run.logicalEnd, with: [run])
          block = run.logicalEnd
        }
      }
    } catch {
      for run in taken { giveBack(run) }
      throw error
    }
    return result.runs.filter { $0.logicalEnd > range.lowerBound && $0.logical < range.upperBound }
      .map { $0.clipped(to: range) }
  }

  /// Takes blocks for the beginning of a hole.
  private func takeRun(_ hole: Range<UInt64>, of file: Inode, map: ExtentMap) throws(Errno) -> Run {
    var physical: UInt64 = 0
    var count: UInt64 = 0
    try ext2Check(
      unsafe ext2fs_new_range(
        fileSystem, 0, goal(for: file, logical: hole.lowerBound, map: map), hole.upperBound - hole.lowerBound,
        nil,
        &physical, &count))
    guard count > 0 else { throw .noSpace }
    count = min(count, hole.upperBound - hole.lowerBound)
    unsafe ext2fs_block_alloc_stats_range(fileSystem, physical, UInt32(count), 1)
    return Run(logical: hole.lowerBound, physical: physical, count: count, state: .unwritten)
  }

  /// The number of blocks that a file of block pointers can have.
  private var classicLimit: UInt64 {
    let pointers = UInt64(blockByteCount / 4)
    return 12 + pointers + pointers * pointers + pointers * pointers * pointers
  }

  /// Gives back what a file took in memory alone.
  mutating func giveBack(_ run: Run) {
    unsafe ext2fs_block_alloc_stats_range(fileSystem, run.physical, UInt32(run.count), -1)
  }

  /// Points at blocks that hold data, from a file of block pointers.
  mutating func map(_ run: Run, of number: UInt32) throws(Errno) {
    for offset in 0..<run.count {
      var physical = run.physical + offset
      try ext2Check(
        unsafe ext2fs_bmap2(
          fileSystem, number, nil, nil, BMAP_SET | BMAP_ALLOC, run.logical + offset, nil, &physical))
    }
    var file = try inode(number)
    try ext2Check(unsafe ext2fs_iblk_add_blocks(fileSystem, cext2_small(&file.raw), run.count))
    try write(file)
  }

  /// Frees the blocks of a range of a file.
  mutating func punch(_ range: Range<UInt64>, of number: UInt32) throws(Errno) {
    guard !range.isEmpty else { return }
    let last = range.upperBound == .max ? UInt64.max : range.upperBound - 1
    try batch { (metadata: inout Metadata) throws(Errno) in
      guard let superblock = unsafe metadata.fileSystem.pointee.super else { throw .corrupted }
      // libext2fs 1.47 takes a run that ends with the last block of the file system for one that ends beyond it. The
      // superblock is not written meanwhile.
      let blockCount = metadata.blockCount
      unsafe ext2fs_blocks_count_set(superblock, blockCount + 1)
      let result = unsafe ext2fs_punch(metadata.fileSystem, number, nil, nil, range.lowerBound, last)
      unsafe ext2fs_blocks_count_set(superblock, blockCount)
      try ext2Check(result)
    }
  }
}
