import CExt2

/// Blocks that were freed since the last commit, or without a journal since the last flush of the device: nobody gets them
/// before.
///
/// libext2fs reports single blocks that it allocates and frees; ``Metadata`` reports ranges. What is freed is marked as
/// used again at once, in the bitmap in memory alone, until the metadata that freed it is durable; the counters call it
/// free all the time.
final class FreedBlocks {
  struct Range {
    let block: UInt64
    let count: Int
  }

  fileprivate let cache: MetadataCache
  /// The groups whose bitmaps were changed by allocating and freeing.
  let groups = ChangedGroups()
  private(set) var ranges: [Range] = []
  /// The range that is being discarded.
  private var taken: Range?
  /// The number of the first of them: they are counted from the first that ever was.
  private var firstNumber: UInt64 = 0
  /// Whether the last of them belongs to a mark and must not grow.
  private var isClosed = false

  /// The blocks of ``ranges``.
  private(set) var blockCount: UInt64 = 0
  /// All that the bitmap in memory calls used, and the disk must call free.
  var withheld: [Range] { ranges + (taken.map { [$0] } ?? []) }

  init(cache: MetadataCache) { self.cache = cache }

  /// Watches the allocations of a file system, which this object must outlive.
  func watch(_ fileSystem: ext2_filsys) {
    unsafe fileSystem.pointee.priv_data = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe ext2fs_set_block_alloc_stats_callback(fileSystem, { unsafe noteChange($0, $1, $2) }, nil)
    // libext2fs 1.47 reports a range only after it has counted it down to nothing: no callback for those.
  }

  /// Stands for all that is freed now: once a flush is done that began afterwards, it may be released.
  func mark() -> UInt64 {
    isClosed = true
    return firstNumber + UInt64(ranges.count)
  }

  /// Lets the allocator have what was freed before a mark and was not released meanwhile.
  func release(before mark: UInt64, in fileSystem: ext2_filsys) {
    let count = mark > firstNumber ? min(Int(mark - firstNumber), ranges.count) : 0
    unsafe release(ranges[..<count], in: fileSystem)
    for range in ranges[..<count] { blockCount -= UInt64(range.count) }
    ranges.removeFirst(count)
    firstNumber += UInt64(count)
  }

  /// The first range that was freed before a mark, for the caller to discard and then to end by ``releaseTaken(in:)``.
  func takeFirst(before mark: UInt64) -> Range? {
    guard mark > firstNumber, let first = ranges.first else { return nil }
    ranges.removeFirst()
    blockCount -= UInt64(first.count)
    firstNumber += 1
    taken = first
    return first
  }

  /// Lets the allocator have what ``takeFirst(before:)`` returned.
  func releaseTaken(in fileSystem: ext2_filsys) {
    guard let range = taken else { return }
    taken = nil
    unsafe release([range], in: fileSystem)
  }

  /// Lets the allocator have ranges.
  private func release(_ taken: ArraySlice<Range>, in fileSystem: ext2_filsys) {
    for range in taken {
      unsafe ext2fs_unmark_block_bitmap_range2(fileSystem.pointee.block_map, range.block, UInt32(range.count))
    }
    if !taken.isEmpty { unsafe fileSystem.pointee.flags |= EXT2_FLAG_BB_DIRTY | EXT2_FLAG_CHANGED }
  }

  /// Blocks were freed.
  func note(_ fileSystem: ext2_filsys, block: UInt64, count: Int) {
    cache.forget(block: block, count: count)
    unsafe groups.note(fileSystem, block: block, count: UInt64(max(count, 0)))
    blockCount += UInt64(max(count, 0))
    unsafe ext2fs_mark_block_bitmap_range2(fileSystem.pointee.block_map, block, UInt32(count))
    if !isClosed, let last = ranges.last, last.block + UInt64(last.count) == block,
      last.count + count <= 1 << 20
    {
      ranges[ranges.count - 1] = Range(block: last.block, count: last.count + count)
    } else {
      ranges.append(Range(block: block, count: count))
      isClosed = false
    }
  }
}

private func noteChange(_ fileSystem: ext2_filsys?, _ block: UInt64, _ direction: Int32) {
  guard let fileSystem = unsafe fileSystem, let context = unsafe fileSystem.pointee.priv_data else { return }
  // SAFETY: the owner of the file system keeps the object alive.
  let freed = unsafe Unmanaged<FreedBlocks>.fromOpaque(context).takeUnretainedValue()
  if direction < 0 {
    unsafe freed.note(fileSystem, block: block, count: 1)
  } else {
    unsafe freed.groups.note(fileSystem, block: block, count: 1)
    freed.cache.noteAllocation(block: block)
  }
}
