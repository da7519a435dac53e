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

  private let cache: MetadataCache
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

  /// Stands for all that is freed now: once a flush is done that began afterwards, it may be released.
  func mark() -> UInt64 {
    isClosed = true
    return firstNumber + UInt64(ranges.count)
  }

  /// Lets the allocator have what was freed before a mark and was not released meanwhile.
  func release(before mark: UInt64, in library: Ext2Handle) {
    let count = mark > firstNumber ? min(Int(mark - firstNumber), ranges.count) : 0
    release(ranges[..<count], in: library)
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
  func releaseTaken(in library: Ext2Handle) {
    guard let range = taken else { return }
    taken = nil
    release([range], in: library)
  }

  /// Lets the allocator have ranges.
  private func release(_ taken: ArraySlice<Range>, in library: Ext2Handle) {
    for range in taken { library.markFree(block: range.block, count: UInt64(range.count)) }
    if !taken.isEmpty { library.noteBitmapChange() }
  }

  /// Blocks were freed.
  func note(block: UInt64, count: Int, in library: Ext2Handle) {
    cache.forget(block: block, count: count)
    groups.note(block: block, count: UInt64(max(count, 0)), in: library)
    blockCount += UInt64(max(count, 0))
    library.markUsed(block: block, count: UInt64(max(count, 0)))
    if !isClosed, let last = ranges.last, last.block + UInt64(last.count) == block,
      last.count + count <= 1 << 20
    {
      ranges[ranges.count - 1] = Range(block: last.block, count: last.count + count)
    } else {
      ranges.append(Range(block: block, count: count))
      isClosed = false
    }
  }

  /// libext2fs has allocated or freed a block.
  func note(block: UInt64, isFreed: Bool, in library: Ext2Handle) {
    if isFreed {
      note(block: block, count: 1, in: library)
    } else {
      groups.note(block: block, count: 1, in: library)
      cache.noteAllocation(block: block)
    }
  }
}
