import CExt2
import Glibc
import SystemPackage

/// Block groups, bitmaps and allocation.
extension Ext2Handle {
  // SAFETY: see the type. Bitmaps are there only after `readBitmaps()`: without one, nothing is found and nothing is marked.

  private var blockMap: ext2fs_block_bitmap? { unsafe pointer.pointee.block_map }
  private var inodeMap: ext2fs_inode_bitmap? { unsafe pointer.pointee.inode_map }

  /// Reads the bitmaps of all groups.
  func readBitmaps() throws(Errno) { try ext2Check(unsafe ext2fs_read_bitmaps(pointer)) }

  // MARK: Groups

  var groupCount: UInt32 { unsafe pointer.pointee.group_desc_count }
  /// The blocks of one group's inode table.
  var inodeTableBlockCount: UInt32 { unsafe pointer.pointee.inode_blocks_per_group }

  /// The group of a block, which is one of ``groupCount`` if the file system has the block.
  func group(ofBlock block: UInt64) -> UInt32 { unsafe ext2fs_group_of_blk2(pointer, block) }

  func group(ofInode number: UInt32) -> UInt32 { unsafe ext2fs_group_of_ino(pointer, number) }

  func firstBlock(ofGroup group: UInt32) -> UInt64 { unsafe ext2fs_group_first_block2(pointer, group) }

  private func check(_ group: UInt32) throws(Errno) { if group >= groupCount { throw .corrupted } }

  /// What the group's descriptor says of free blocks, or clusters, and inodes.
  func freeCounts(ofGroup group: UInt32) throws(Errno) -> (blocks: UInt64, inodes: UInt64) {
    try check(group)
    return unsafe (
      UInt64(ext2fs_bg_free_blocks_count(pointer, group)), UInt64(ext2fs_bg_free_inodes_count(pointer, group))
    )
  }

  /// Whether the group's descriptor has the right checksum, or none is in use.
  func isDescriptorIntact(ofGroup group: UInt32) throws(Errno) -> Bool {
    try check(group)
    return unsafe ext2fs_group_desc_csum_verify(pointer, group) != 0
  }

  /// Sets the checksum of the group's descriptor in memory.
  func setDescriptorChecksum(ofGroup group: UInt32) throws(Errno) {
    try check(group)
    unsafe ext2fs_group_desc_csum_set(pointer, group)
  }

  /// The place of a group's block bitmap; nil if the bitmap is not initialized.
  func blockBitmapLocation(ofGroup group: UInt32) throws(Errno) -> UInt64? {
    try check(group)
    guard unsafe ext2fs_bg_flags_test(pointer, group, UInt16(EXT2_BG_BLOCK_UNINIT)) == 0 else { return nil }
    return unsafe ext2fs_block_bitmap_loc(pointer, group)
  }

  /// The place of a group's inode bitmap; nil if the bitmap is not initialized.
  func inodeBitmapLocation(ofGroup group: UInt32) throws(Errno) -> UInt64? {
    try check(group)
    guard unsafe ext2fs_bg_flags_test(pointer, group, UInt16(EXT2_BG_INODE_UNINIT)) == 0 else { return nil }
    return unsafe ext2fs_inode_bitmap_loc(pointer, group)
  }

  /// The blocks at a group's beginning that hold copies of the superblock and of the descriptors.
  func copiedBlockCount(ofGroup group: UInt32) throws(Errno) -> UInt32 {
    try check(group)
    var count: blk_t = 0
    try ext2Check(unsafe ext2fs_super_and_bgd_loc2(pointer, group, nil, nil, nil, &count))
    return count
  }

  /// One block of group descriptors, in the form of the disk, and its place.
  func descriptors(block index: UInt32, blockByteCount: Int) throws(Errno) -> (bytes: [UInt8], block: UInt64)
  {
    guard unsafe UInt64(index) < UInt64(pointer.pointee.desc_blocks),
      let all = unsafe pointer.pointee.group_desc,
      unsafe blockByteCount == Int(pointer.pointee.blocksize)
    else { throw .corrupted }
    // SAFETY: libext2fs holds `desc_blocks` blocks of descriptors.
    let bytes = unsafe [UInt8](
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(all) + Int(index) * blockByteCount, count: blockByteCount))
    return (bytes, unsafe ext2fs_descriptor_block_loc2(pointer, firstDataBlock, index))
  }

  // MARK: Bitmaps

  /// The bits of neighbouring blocks, the first one at a multiple of 8.
  func blockBits(_ blocks: Range<UInt64>) throws(Errno) -> [UInt8] {
    guard let map = unsafe blockMap else { throw .corrupted }
    var bytes = [UInt8](repeating: 0, count: (blocks.count + 7) / 8)
    // SAFETY: the array has room for all bits.
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_get_block_bitmap_range2(map, blocks.lowerBound, blocks.count, $0.baseAddress)
    }
    try ext2Check(result)
    return bytes
  }

  /// The bits of neighbouring inodes.
  func inodeBits(from number: UInt64, count: Int) throws(Errno) -> [UInt8] {
    guard let map = unsafe inodeMap, count >= 0 else { throw .corrupted }
    var bytes = [UInt8](repeating: 0, count: (count + 7) / 8)
    // SAFETY: as above.
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_get_inode_bitmap_range2(map, number, count, $0.baseAddress)
    }
    try ext2Check(result)
    return bytes
  }

  /// Sets, in the group's descriptor in memory, the checksum of its block bitmap.
  func setChecksum(ofBlockBitmap bytes: [UInt8], ofGroup group: UInt32) throws(Errno) {
    let byteCount = Int(superblock.s_clusters_per_group / 8)
    try check(group)
    guard byteCount <= bytes.count else { throw .corrupted }
    var bytes = bytes
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_block_bitmap_csum_set(
        pointer, group, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(byteCount))
    }
    try ext2Check(result)
  }

  /// Sets, in the group's descriptor in memory, the checksum of its inode bitmap.
  func setChecksum(ofInodeBitmap bytes: [UInt8], ofGroup group: UInt32) throws(Errno) {
    let byteCount = Int(superblock.s_inodes_per_group / 8)
    try check(group)
    guard byteCount <= bytes.count else { throw .corrupted }
    var bytes = bytes
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_inode_bitmap_csum_set(
        pointer, group, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(byteCount))
    }
    try ext2Check(result)
  }

  /// Whether the bitmap has an inode in use, by a number that an inode has.
  func isUsed(inode number: UInt32) -> Bool {
    guard let map = unsafe inodeMap, number > 0, number <= inodeCount else { return false }
    return unsafe ext2fs_test_inode_bitmap2(map, number) != 0
  }

  /// The first free block of a range; nil if there is none.
  func firstFreeBlock(in range: Range<UInt64>) -> UInt64? {
    guard let map = unsafe blockMap, !range.isEmpty else { return nil }
    var block: UInt64 = 0
    let result = unsafe ext2fs_find_first_zero_block_bitmap2(
      map, range.lowerBound, range.upperBound - 1, &block)
    return result == 0 ? block : nil
  }

  /// The first block of a range that is in use; nil if there is none.
  func firstUsedBlock(in range: Range<UInt64>) -> UInt64? {
    guard let map = unsafe blockMap, !range.isEmpty else { return nil }
    var block: UInt64 = 0
    let result = unsafe ext2fs_find_first_set_block_bitmap2(
      map, range.lowerBound, range.upperBound - 1, &block)
    return result == 0 ? block : nil
  }

  /// Whether all blocks of a range are in use.
  func isUsed(_ range: Range<UInt64>) -> Bool {
    guard let map = unsafe blockMap, !range.isEmpty else { return false }
    var block: UInt64 = 0
    return unsafe ext2fs_find_first_zero_block_bitmap2(
      map, range.lowerBound, range.upperBound - 1, &block) == errcode_t(ENOENT)
  }

  /// Marks blocks as in use in the bitmap alone.
  func markUsed(block: UInt64, count: UInt64) {
    guard let map = unsafe blockMap else { return }
    unsafe ext2fs_mark_block_bitmap_range2(map, block, UInt32(clamping: count))
  }

  /// Marks blocks as free in the bitmap alone.
  func markFree(block: UInt64, count: UInt64) {
    guard let map = unsafe blockMap else { return }
    unsafe ext2fs_unmark_block_bitmap_range2(map, block, UInt32(clamping: count))
  }

  /// Lets libext2fs know that its bitmap of blocks differs from the disk's.
  func noteBitmapChange() { unsafe pointer.pointee.flags |= EXT2_FLAG_BB_DIRTY | EXT2_FLAG_CHANGED }

  // MARK: Allocation

  /// A good place for block `logical` of a file.
  func goal(for inode: ext2_inode_large, number: UInt32, logical: UInt64) -> UInt64 {
    var copy = inode
    return unsafe ext2fs_find_inode_goal(pointer, number, cext2_small(&copy), logical)
  }

  /// Finds a free inode, near a directory's.
  func newInode(in directory: UInt32, mode: UInt16) throws(Errno) -> UInt32 {
    var number: UInt32 = 0
    try ext2Check(unsafe ext2fs_new_inode(pointer, directory, Int32(mode), nil, &number))
    return number
  }

  /// Finds a free block.
  func newBlock(near goal: UInt64) throws(Errno) -> UInt64 {
    var block: UInt64 = 0
    try ext2Check(unsafe ext2fs_new_block2(pointer, goal, nil, &block))
    return block
  }

  /// Finds neighbouring free blocks, as many as `count` or fewer.
  func newRange(near goal: UInt64, count: UInt64) throws(Errno) -> (block: UInt64, count: UInt64) {
    var (block, found): (UInt64, UInt64) = (0, 0)
    try ext2Check(unsafe ext2fs_new_range(pointer, 0, goal, count, nil, &block, &found))
    return (block, found)
  }

  /// Marks a block in the bitmap, counts it everywhere, and reports it to the observer.
  func countUsed(block: UInt64) { unsafe ext2fs_block_alloc_stats2(pointer, block, 1) }

  /// Marks blocks in the bitmap, and counts them everywhere.
  func count(block: UInt64, count: UInt64, isUsed: Bool) {
    unsafe ext2fs_block_alloc_stats_range(pointer, block, UInt32(clamping: count), isUsed ? 1 : -1)
  }

  /// Marks an inode in the bitmap, and counts it everywhere.
  func count(inode number: UInt32, isUsed: Bool, isDirectory: Bool) {
    unsafe ext2fs_inode_alloc_stats2(pointer, number, isUsed ? 1 : -1, isDirectory ? 1 : 0)
  }
}
