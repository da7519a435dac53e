import CExt2

/// The sizes and counts of a superblock with which libext2fs computes: how the device is divided into groups, and what each
/// group has.
///
/// libext2fs allocates memory by these numbers, divides by them and shifts by them, so all are checked before it sees them,
/// by the rules of the kernel's ext4 and of e2fsck.
struct SuperblockGeometry {
  let blockByteCount: UInt64
  let blockCount: UInt64
  let firstDataBlock: UInt64
  let blocksPerGroup: UInt64
  let inodesPerGroup: UInt64
  /// The blocks for which one bit of a bitmap stands.
  let clusterBlockCount: UInt64
  let groupCount: UInt64
  /// The blocks of one group's inode table.
  let inodeTableBlockCount: UInt64
  let descriptorByteCount: UInt64
  /// The first block of descriptors that is at the start of its own groups (`meta_bg`); the others follow the superblock.
  let firstMetaBlock: UInt64
  let hasSparseCopies: Bool
  /// The groups that have copies of the superblock, beside the first (`sparse_super2`); nil if the groups' numbers say which.
  let copyGroups: [UInt64]?

  /// The blocks that hold the group descriptors.
  var descriptorBlockCount: UInt64 {
    let perBlock = blockByteCount / descriptorByteCount
    return (groupCount + perBlock - 1) / perBlock
  }

  /// Nil if numbers contradict each other or the format.
  ///
  /// - Parameters:
  ///   - blockByteCount: The block size of the superblock.
  ///   - blockCount: Its number of blocks, which the device has.
  init?(_ superblock: ext2_super_block, blockByteCount: Int, blockCount: UInt64) {
    let blockByteCount = UInt64(blockByteCount)
    let bitCount = 8 * blockByteCount
    func has(incompatible bit: Int32) -> Bool { superblock.s_feature_incompat & UInt32(bit) != 0 }
    func has(readOnlyCompatible bit: Int32) -> Bool { superblock.s_feature_ro_compat & UInt32(bit) != 0 }
    func isPowerOfTwo(_ number: UInt64) -> Bool { number > 0 && number & (number - 1) == 0 }

    guard superblock.s_rev_level <= UInt32(EXT2_DYNAMIC_REV) else { return nil }
    let isOld = superblock.s_rev_level == UInt32(EXT2_GOOD_OLD_REV)

    // Clusters: the bits of the bitmaps.
    let (shift, clusterShift) = (superblock.s_log_block_size, superblock.s_log_cluster_size)
    let hasClusters = has(readOnlyCompatible: EXT4_FEATURE_RO_COMPAT_BIGALLOC)
    guard hasClusters ? clusterShift >= shift && clusterShift <= 20 : clusterShift == shift else {
      return nil
    }
    let clustersPerGroup = UInt64(superblock.s_clusters_per_group)
    let blocksPerGroup = UInt64(superblock.s_blocks_per_group)
    // 256 is what mke2fs takes at the least; the bound keeps the descriptors small beside their groups.
    guard clustersPerGroup <= bitCount, clustersPerGroup % 8 == 0, blocksPerGroup >= 256,
      blocksPerGroup == clustersPerGroup << UInt64(clusterShift - shift)
    else { return nil }

    let firstDataBlock = UInt64(superblock.s_first_data_block)
    let usualFirst: UInt64 = blockByteCount == 1024 ? 1 : 0
    guard firstDataBlock == usualFirst || hasClusters && firstDataBlock == 0, firstDataBlock < blockCount
    else {
      return nil
    }
    let groupCount = (blockCount - firstDataBlock + blocksPerGroup - 1) / blocksPerGroup
    guard groupCount <= UInt64(UInt32.max) else { return nil }

    // Inodes.
    let inodeByteCount = isOld ? UInt64(EXT2_GOOD_OLD_INODE_SIZE) : UInt64(superblock.s_inode_size)
    guard inodeByteCount >= 128, inodeByteCount <= blockByteCount, isPowerOfTwo(inodeByteCount) else {
      return nil
    }
    let inodesPerGroup = UInt64(superblock.s_inodes_per_group)
    guard inodesPerGroup >= blockByteCount / inodeByteCount, inodesPerGroup <= bitCount,
      inodesPerGroup % 8 == 0, UInt64(superblock.s_inodes_count) == inodesPerGroup * groupCount
    else { return nil }
    let firstInode = isOld ? UInt32(EXT2_GOOD_OLD_FIRST_INO) : superblock.s_first_ino
    guard firstInode >= UInt32(EXT2_GOOD_OLD_FIRST_INO), firstInode <= superblock.s_inodes_count else {
      return nil
    }

    // Group descriptors.
    let is64Bit = has(incompatible: EXT4_FEATURE_INCOMPAT_64BIT)
    let descriptorByteCount = is64Bit ? UInt64(superblock.s_desc_size) : UInt64(EXT2_MIN_DESC_SIZE)
    guard descriptorByteCount >= (is64Bit ? 64 : 32), descriptorByteCount <= blockByteCount,
      isPowerOfTwo(descriptorByteCount), UInt64(superblock.s_reserved_gdt_blocks) <= blockByteCount / 4
    else { return nil }
    if has(incompatible: EXT4_FEATURE_INCOMPAT_FLEX_BG), superblock.s_log_groups_per_flex > 31 { return nil }

    self.blockByteCount = blockByteCount
    self.blockCount = blockCount
    self.firstDataBlock = firstDataBlock
    self.blocksPerGroup = blocksPerGroup
    self.inodesPerGroup = inodesPerGroup
    clusterBlockCount = 1 << UInt64(clusterShift - shift)
    self.groupCount = groupCount
    inodeTableBlockCount = (inodesPerGroup * inodeByteCount + blockByteCount - 1) / blockByteCount
    self.descriptorByteCount = descriptorByteCount
    let hasMetaGroups = has(incompatible: EXT2_FEATURE_INCOMPAT_META_BG)
    firstMetaBlock = hasMetaGroups ? UInt64(superblock.s_first_meta_bg) : .max
    hasSparseCopies = has(readOnlyCompatible: EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER)
    let isSparse2 = superblock.s_feature_compat & UInt32(EXT4_FEATURE_COMPAT_SPARSE_SUPER2) != 0
    let (first, second) = superblock.s_backup_bgs
    copyGroups = isSparse2 ? [UInt64(first), UInt64(second)] : nil
    let inFront = min(descriptorBlockCount, firstMetaBlock)
    guard !hasMetaGroups || firstMetaBlock <= descriptorBlockCount,
      firstDataBlock + 1 + inFront < blockCount
    else { return nil }
  }

  /// The number of the `index`th block of descriptors.
  func descriptorBlock(_ index: UInt64) -> UInt64 {
    // With blocks of 1 KiB that begin at 0 the superblock is in block 1.
    let superblock = firstDataBlock == 0 && blockByteCount == 1024 ? 1 : firstDataBlock
    guard index >= firstMetaBlock else { return superblock + 1 + index }
    let group = index * (blockByteCount / descriptorByteCount)
    let first = group == 0 ? superblock : firstDataBlock + group * blocksPerGroup
    return first + (hasCopy(group) ? 1 : 0)
  }

  /// Whether a group begins with a copy of the superblock.
  private func hasCopy(_ group: UInt64) -> Bool {
    if let copyGroups { return group == 0 || copyGroups.contains(group) }
    if !hasSparseCopies || group <= 1 { return true }
    for base: UInt64 in [3, 5, 7] {
      var power = base
      while power < group { power *= base }
      if power == group { return true }
    }
    return false
  }
}
