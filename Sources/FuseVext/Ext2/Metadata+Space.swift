import CExt2
import SystemPackage

extension Metadata {
  /// The blocks that can be had, some of them after a commit.
  var availableBlockCount: UInt64 {
    let free = library.freeBlockCount
    return free > reserved.totalCount ? free - reserved.totalCount : 0
  }

  /// The blocks of one cluster (`bigalloc`); 1 in other file systems.
  var clusterBlockCount: UInt64 {
    1 << UInt64(clamping: min(max(library.clusterShift, 0), 32))
  }

  /// The blocks that data leave to structures: a file whose last block was written must find room to say so. As many as
  /// the kernel's ext4 holds back: none without extents, since writes to files of block pointers reserve what they need.
  var heldBackBlockCount: UInt64 {
    hasExtents ? min(blockCount / clusterBlockCount / 50, 4096) * clusterBlockCount : 0
  }

  /// A good place for block `logical` of a file that has `map`.
  func goal(for inode: Inode, logical: UInt64, map: ExtentMap) -> UInt64 {
    if let run = map.run(before: logical) {
      let wanted = run.physical + (logical - run.logical)
      if wanted < blockCount { return wanted }
    }
    return library.goal(for: inode.raw, number: inode.number, logical: logical)
  }

  // MARK: Data

  /// Fills the holes of a range of a file of extents with blocks that read as zeros, and, where it costs little, of some
  /// more behind it. Files of block pointers have ``reserve(_:of:map:)``.
  ///
  /// - Parameters:
  ///   - spareCount: How many blocks more than the range there may be.
  ///   - byteCount: The size that the file gets.
  ///   - map: What the file has.
  /// - Returns: What it has afterwards: as many of the first blocks of the range as one step may bring, at least one. After an
  ///   error that is what it had.
  mutating func allocate(
    _ range: Range<UInt64>, spareCount: UInt64 = 0, of number: UInt32, byteCount: UInt64, map: ExtentMap
  ) throws(Errno) -> ExtentMap {
    do throws(Errno) {
      return try allocateOnce(range, spareCount: spareCount, of: number, byteCount: byteCount, map: map)
    } catch .noSpace where spareCount > 0 {
      return try allocateOnce(range, spareCount: 0, of: number, byteCount: byteCount, map: map)
    }
  }

  private mutating func allocateOnce(
    _ range: Range<UInt64>, spareCount: UInt64, of number: UInt32, byteCount: UInt64, map: ExtentMap
  ) throws(Errno) -> ExtentMap {
    let file = try inode(number)
    let holes = map.holes(in: range)
    let wanted = holes.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    try checkRoom(for: wanted, leaving: heldBackBlockCount)
    guard file.usesExtents, range.upperBound <= ExtentNode.logicalLimit else { throw .fileTooLarge }
    var result = map
    var taken: [Run] = []
    var meter = stepMeter(usesExtents: true)
    do throws(Errno) {
      holes: for hole in holes {
        var block = hole.lowerBound
        while block < hole.upperBound {
          var run = try findRun(for: block..<hole.upperBound, of: file, map: result)
          run.count = meter.takeFirst(of: run)
          guard run.count > 0 else { break holes }
          countBlocks(run.physical, run.count, isUsed: true)
          taken.append(run)
          result.replace(run.logical..<run.logicalEnd, with: [run])
          block = run.logicalEnd
        }
      }
      if spareCount > 0, let last = taken.last, last.logicalEnd == range.upperBound,
        let spare = try takeSpare(spareCount, after: last, of: file, map: result)
      {
        taken.append(spare)
        result.replace(spare.logical..<spare.logicalEnd, with: [spare])
      }
      if !taken.isEmpty {
        let gaveUp = try batch { (metadata: inout Metadata) throws(Errno) in
          try metadata.fill(taken, of: number, byteCount: byteCount)
        }
        if gaveUp { result.cut(at: byteCount, blockByteCount: blockByteCount) }
      }
    } catch {
      for run in taken { giveBack(block: run.physical, count: run.count) }
      throw error
    }
    return result
  }

  /// Finds free blocks for the beginning of a hole.
  func findRun(for hole: Range<UInt64>, of file: Inode, map: ExtentMap) throws(Errno) -> Run {
    let wanted = hole.upperBound - hole.lowerBound
    let (physical, found) = try library.newRange(
      near: goal(for: file, logical: hole.lowerBound, map: map), count: wanted)
    let count = min(found, wanted)
    guard count > 0 else { throw .noSpace }
    guard isPlausible(block: physical, count: count) else { throw .corrupted }
    return Run(logical: hole.lowerBound, physical: physical, count: count, state: .unwritten)
  }

  /// Takes blocks behind those that were just taken, if they follow on the device too: never more extents for them.
  private func takeSpare(
    _ count: UInt64, after last: Run, of file: Inode, map: ExtentMap
  ) throws(Errno) -> Run? {
    let end = min(last.logicalEnd + count, ExtentNode.logicalLimit - 1)
    // Only where there is plenty, and where a tree may have blocks beyond the size: see change(_:in:added:byteCount:).
    guard last.logicalEnd < end, availableBlockCount >= count * 4 + rootReserveBlockCount,
      try extentRoot(of: file).depth < 2,
      map.runs.count < ExtentNode.capacity(byteCount: blockByteCount) / 2, last.count + count < 32768
    else { return nil }
    let spare: Run
    do throws(Errno) {
      spare = try findRun(for: last.logicalEnd..<end, of: file, map: map)
    } catch .noSpace {
      return nil
    }
    guard last.continues(in: spare) else { return nil }
    countBlocks(spare.physical, spare.count, isUsed: true)
    return spare
  }

  // MARK: Structures

  /// Adds a block to the end of a directory or of a long symbolic link. Who calls writes it in the same batch.
  mutating func appendBlock(at logical: UInt64, to number: UInt32, after last: UInt64?) throws(Errno)
    -> UInt64
  {
    let end = (logical + 1) * UInt64(blockByteCount)
    var file = try inode(number)
    let goal = last.map { $0 + 1 } ?? library.goal(for: file.raw, number: number, logical: logical)
    try checkRoom(for: 1)
    let physical = try takeBlock(near: goal)
    let run = Run(logical: logical, physical: physical, count: 1, state: .written)
    do throws(Errno) {
      if file.usesExtents {
        _ = try fill([run], of: number, byteCount: end)
      } else {
        try mapBlocks([run], in: &file, isPromised: false)
      }
    } catch {
      giveBack(block: physical, count: 1)
      throw error
    }
    return physical
  }

  /// Takes a block for a structure.
  ///
  /// - Parameter isPromised: Whether it is one of those that ``reserved`` keeps for this purpose.
  func takeBlock(near goal: UInt64, isPromised: Bool = false) throws(Errno) -> UInt64 {
    guard isPromised || availableBlockCount > 0 else { throw .noSpace }
    let block = try library.newBlock(near: goal < blockCount ? goal : 0)
    guard isPlausible(block: block, count: 1) else { throw .corrupted }
    library.countUsed(block: block)
    return block
  }

  /// Whether what was freed, and is withheld, may keep structures from growing.
  var isShortOfBlocks: Bool {
    freed.blockCount > 0 && library.freeBlockCount < freed.blockCount + reserved.totalCount + 64
  }

  // MARK: Freeing

  /// Whether the bitmap has every block of a range in use.
  func isUsed(_ range: Range<UInt64>) -> Bool { library.isUsed(range) }

  /// Frees blocks that the disk's structures pointed at. They are not allocated again before the next flush.
  func release(block: UInt64, count: UInt64) {
    countBlocks(block, count, isUsed: false)
    freed.note(block: block, count: Int(count), in: library)
  }

  /// Releases blocks to which no pointer on the disk leads.
  func giveBack(block: UInt64, count: UInt64) {
    cache.forget(block: block, count: Int(clamping: count))
    countBlocks(block, count, isUsed: false)
  }

  /// Marks blocks in the bitmap, and counts them everywhere.
  func countBlocks(_ block: UInt64, _ count: UInt64, isUsed: Bool) {
    freed.groups.note(block: block, count: count, in: library)
    library.count(block: block, count: count, isUsed: isUsed)
  }
}
