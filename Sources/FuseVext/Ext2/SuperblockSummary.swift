import CExt2
import SystemPackage

/// What of the superblock decides whether and how a file system is mounted, read before libext2fs sees the device.
struct SuperblockSummary {
  let blockByteCount: Int

  /// Reads the superblock and refuses what this program cannot honour.
  init(device: any BlockDevice, queue: any BlockQueue, readOnly: Bool, leavesJournal: Bool)
    throws(MountFailure)
  {
    let name = device.name
    guard device.byteCount >= 4096 else { throw .notExt(name) }
    let superblock: ext2_super_block
    do throws(Errno) {
      let buffer = try device.allocateBuffer(byteCount: 4096)
      unsafe try queue.perform(BlockRequest(.read, byteOffset: 0, memory: buffer.slice(0, 4096)))
      // SAFETY: the superblock is the 1024 bytes from offset 1024 on; the type is plain words.
      superblock = unsafe buffer.base.loadUnaligned(fromByteOffset: 1024, as: ext2_super_block.self)
    } catch {
      throw .device(name, error)
    }
    guard superblock.s_magic == UInt16(EXT2_SUPER_MAGIC) else { throw .notExt(name) }
    guard case let shift = superblock.s_log_block_size, shift <= 6 else { throw .corrupted(name) }
    blockByteCount = 1024 << Int(shift)

    let incompatible = superblock.s_feature_incompat
    let readOnlyCompatible = superblock.s_feature_ro_compat
    // Read-only too: there is no replay here, and what the journal holds is newer than the blocks.
    if incompatible & UInt32(EXT3_FEATURE_INCOMPAT_RECOVER) != 0, !(readOnly && leavesJournal) {
      throw .dirtyJournal(name)
    }
    if let feature = Feature.unsupported(incompatible: incompatible) {
      throw .unsupportedFeature(name, feature)
    }
    if !readOnly {
      if let feature = Feature.unsupported(readOnlyCompatible: readOnlyCompatible) {
        throw .featureNeedsReadOnly(name, feature)
      }
      if readOnlyCompatible & UInt32(EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT) != 0 { throw .notClean(name) }
      let state = superblock.s_state
      guard state & UInt16(EXT2_VALID_FS) != 0, state & UInt16(EXT2_ERROR_FS) == 0,
        superblock.s_last_orphan == 0
      else { throw .notClean(name) }
    }

    // What libext2fs would believe.
    let high = incompatible & UInt32(EXT4_FEATURE_INCOMPAT_64BIT) != 0 ? superblock.s_blocks_count_hi : 0
    let blockCount = UInt64(superblock.s_blocks_count) | UInt64(high) << 32
    let (byteCount, overflow) = blockCount.multipliedReportingOverflow(by: UInt64(blockByteCount))
    guard blockCount > 0, !overflow, byteCount <= device.byteCount else { throw .largerThanDevice(name) }
    // The bits of a group's bitmap stand for clusters; libext2fs checks how many blocks each has.
    let hasClusters = readOnlyCompatible & UInt32(EXT4_FEATURE_RO_COMPAT_BIGALLOC) != 0
    let bitCount = hasClusters ? superblock.s_clusters_per_group : superblock.s_blocks_per_group
    guard superblock.s_inodes_per_group > 0, superblock.s_blocks_per_group > 0,
      superblock.s_first_data_block < blockCount, superblock.s_rev_level <= 1,
      bitCount <= 8 * UInt32(blockByteCount),
      superblock.s_inodes_per_group <= 8 * UInt32(blockByteCount),
      superblock.s_inodes_count >= 11
    else { throw .corrupted(name) }
  }
}
