import CExt2
import SystemPackage

extension Metadata {
  /// Writes the bitmaps and descriptors of all groups that have changed, as the disk must have them: blocks that are withheld from
  /// the allocator are free there.
  mutating func writeChangedGroups() throws(Errno) {
    let groups = freed.groups
    guard !groups.isEmpty else { return }
    let withheld = withheldBlocks(in: groups.ofBlocks)
    for group in groups.ofBlocks {
      let free = (withheld[group] ?? []) + reserved.ranges(in: blocks(of: group))
      try writeBlockBitmap(of: group, without: free)
    }
    for group in groups.ofInodes { try writeInodeBitmap(of: group) }
    let all = groups.ofBlocks.union(groups.ofInodes)
    for group in all { unsafe ext2fs_group_desc_csum_set(fileSystem, group) }
    let perBlock = UInt32(clamping: max(blockByteCount / descriptorByteCount, 1))
    for index in Set(all.map { $0 / perBlock }) {
      try writeDescriptors(block: index)
    }
    groups.removeAll()
  }

  private var descriptorByteCount: Int {
    let superblock = unsafe fileSystem.pointee.super.pointee
    let is64Bit = superblock.s_feature_incompat & UInt32(EXT4_FEATURE_INCOMPAT_64BIT) != 0
    return is64Bit ? Int(superblock.s_desc_size) : 32
  }

  /// The blocks of a group; the last group has fewer.
  private func blocks(of group: UInt32) -> Range<UInt64> {
    let first = unsafe ext2fs_group_first_block2(fileSystem, group)
    let count = unsafe UInt64(fileSystem.pointee.super.pointee.s_blocks_per_group)
    return first..<max(first, min(first &+ count, blockCount))
  }

  /// The parts of withheld ranges that lie in each of the groups.
  private func withheldBlocks(in groups: Set<UInt32>) -> [UInt32: [Range<UInt64>]] {
    var result: [UInt32: [Range<UInt64>]] = [:]
    for range in freed.withheld where range.count > 0 {
      let end = range.block + UInt64(range.count)
      var block = range.block
      while block < end {
        let group = unsafe ext2fs_group_of_blk2(fileSystem, block)
        let groupEnd = blocks(of: group).upperBound
        guard groupEnd > block else { break }
        if groups.contains(group) { result[group, default: []].append(block..<min(end, groupEnd)) }
        block = groupEnd
      }
    }
    return result
  }

  private func writeBlockBitmap(of group: UInt32, without withheld: [Range<UInt64>]) throws(Errno) {
    guard unsafe ext2fs_bg_flags_test(fileSystem, group, UInt16(EXT2_BG_BLOCK_UNINIT)) == 0 else { return }
    let blocks = blocks(of: group)
    var bytes = try unsafe bitmapBytes(bitCount: blocks.count) { bytes in
      unsafe ext2fs_get_block_bitmap_range2(
        fileSystem.pointee.block_map, blocks.lowerBound, blocks.count, bytes)
    }
    for range in withheld {
      for bit in range.lowerBound - blocks.lowerBound..<range.upperBound - blocks.lowerBound {
        bytes[Int(bit / 8)] &= ~(1 << UInt8(bit % 8))
      }
    }
    let coveredByteCount = unsafe Int32(fileSystem.pointee.super.pointee.s_clusters_per_group / 8)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_block_bitmap_csum_set(
        fileSystem, group, $0.baseAddress?.assumingMemoryBound(to: CChar.self), coveredByteCount)
    }
    try ext2Check(result)
    try writeStructure(bytes, at: unsafe ext2fs_block_bitmap_loc(fileSystem, group))
  }

  private func writeInodeBitmap(of group: UInt32) throws(Errno) {
    guard unsafe ext2fs_bg_flags_test(fileSystem, group, UInt16(EXT2_BG_INODE_UNINIT)) == 0 else { return }
    let count = unsafe fileSystem.pointee.super.pointee.s_inodes_per_group
    let (first, overflow) = group.multipliedReportingOverflow(by: count)
    guard !overflow else { throw .corrupted }
    var bytes = try unsafe bitmapBytes(bitCount: Int(count)) { bytes in
      unsafe ext2fs_get_inode_bitmap_range2(
        fileSystem.pointee.inode_map, UInt64(first) + 1, Int(count), bytes)
    }
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_inode_bitmap_csum_set(
        fileSystem, group, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: count / 8))
    }
    try ext2Check(result)
    try writeStructure(bytes, at: unsafe ext2fs_inode_bitmap_loc(fileSystem, group))
  }

  /// A block of bits, of which libext2fs gives the first `bitCount`; the others are set.
  private func bitmapBytes(
    bitCount: Int, _ fill: (UnsafeMutableRawPointer?) -> errcode_t
  ) throws(Errno) -> [UInt8] {
    guard bitCount <= blockByteCount * 8 else { throw .corrupted }
    var bytes = [UInt8](repeating: 0, count: blockByteCount)
    // SAFETY: a block has room for all bits of a group.
    try ext2Check(unsafe bytes.withUnsafeMutableBytes { unsafe fill($0.baseAddress) })
    for bit in bitCount..<blockByteCount * 8 {
      if bit % 8 == 0 {
        for index in bit / 8..<blockByteCount { bytes[index] = 0xFF }
        break
      }
      bytes[bit / 8] |= 1 << UInt8(bit % 8)
    }
    return bytes
  }

  /// Writes one block of group descriptors.
  private func writeDescriptors(block index: UInt32) throws(Errno) {
    guard unsafe UInt64(index) < UInt64(fileSystem.pointee.desc_blocks),
      let all = unsafe fileSystem.pointee.group_desc
    else { throw .corrupted }
    // SAFETY: libext2fs holds `desc_blocks` blocks of descriptors, in the form of the disk.
    let bytes = unsafe [UInt8](
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(all) + Int(index) * blockByteCount, count: blockByteCount))
    try writeStructure(
      bytes,
      at: unsafe ext2fs_descriptor_block_loc2(
        fileSystem, UInt64(fileSystem.pointee.super.pointee.s_first_data_block), index))
  }

  private func writeStructure(_ bytes: [UInt8], at block: UInt64) throws(Errno) {
    guard block < blockCount else { throw .corrupted }
    try cache.write(byteOffset: block * UInt64(blockByteCount), bytes: bytes)
  }
}
