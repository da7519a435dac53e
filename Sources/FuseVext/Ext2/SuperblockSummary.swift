import CExt2
import SystemPackage

/// The fields of the superblock that decide whether and how a file system is mounted, read before libext2fs opens the
/// device.
struct SuperblockSummary {
  let blockByteCount: Int
  let geometry: SuperblockGeometry
  let firstDataBlock: UInt64
  let blockCount: UInt64
  let hasJournal: Bool
  /// The inode of the journal; 0 if it is on another device.
  let journalInode: UInt32
  /// Whether the journal holds changes that are newer than the file system.
  let needsRecovery: Bool
  /// Whether hosts that share the device claim the file system.
  let hasMountClaims: Bool
  /// The layout of the claim.
  let mountClaim: MountClaim.Layout?

  /// Reads the superblock and refuses what this program cannot honour.
  init(device: any BlockDevice, queue: any BlockQueue, readOnly: Bool) throws(MountFailure) {
    let name = device.name
    guard device.byteCount >= 4096 else { throw .notExt(name) }
    let superblock: ext2_super_block
    do throws(Errno) {
      let buffer = try device.allocateBuffer(byteCount: 4096)
      let memory = buffer.slice(0, 4096)
      try queue.perform(BlockRequest(.read, byteOffset: 0, memory: memory))
      superblock = memory.load(ext2_super_block.self, at: SuperblockEditor.byteOffset)
    } catch {
      throw .device(name, error)
    }
    guard superblock.s_magic == UInt16(EXT2_SUPER_MAGIC) else { throw .notExt(name) }
    guard case let shift = superblock.s_log_block_size, shift <= 6 else { throw .corrupted(name) }
    blockByteCount = 1024 << Int(shift)

    let incompatible = superblock.s_feature_incompat
    let readOnlyCompatible = superblock.s_feature_ro_compat
    needsRecovery = incompatible & UInt32(EXT3_FEATURE_INCOMPAT_RECOVER) != 0
    hasJournal = superblock.s_feature_compat & UInt32(EXT3_FEATURE_COMPAT_HAS_JOURNAL) != 0
    journalInode = superblock.s_journal_inum
    if let feature = Feature.unsupported(incompatible: incompatible) {
      throw .unsupportedFeature(name, feature)
    }
    if incompatible & UInt32(EXT4_FEATURE_INCOMPAT_CASEFOLD) != 0,
      superblock.s_encoding != UInt16(EXT4_ENC_UTF8_12_1)
    {
      throw .unsupportedFeature(name, "casefold with encoding \(superblock.s_encoding)")
    }
    if !readOnly {
      if let feature = Feature.unsupported(readOnlyCompatible: readOnlyCompatible) {
        throw .featureNeedsReadOnly(name, feature)
      }
      // With a journal too: the kernel takes the mark away only where it has none to keep bitmaps right.
      let state = superblock.s_state
      guard state & UInt16(EXT2_VALID_FS) != 0, state & UInt16(EXT2_ERROR_FS) == 0 else {
        throw .notClean(name)
      }
    }

    hasMountClaims = incompatible & UInt32(EXT4_FEATURE_INCOMPAT_MMP) != 0
    // The values that libext2fs would use.
    let high = incompatible & UInt32(EXT4_FEATURE_INCOMPAT_64BIT) != 0 ? superblock.s_blocks_count_hi : 0
    blockCount = UInt64(superblock.s_blocks_count) | UInt64(high) << 32
    firstDataBlock = UInt64(superblock.s_first_data_block)
    let (byteCount, overflow) = blockCount.multipliedReportingOverflow(by: UInt64(blockByteCount))
    guard blockCount > 0, !overflow, byteCount <= device.byteCount else { throw .largerThanDevice(name) }
    mountClaim = MountClaim.Layout(superblock, blockByteCount: blockByteCount, blockCount: blockCount)
    guard
      let geometry = SuperblockGeometry(superblock, blockByteCount: blockByteCount, blockCount: blockCount)
    else { throw .corrupted(name) }
    self.geometry = geometry
  }
}
