import CExt2
import SystemPackage

/// The file system's structures: what libext2fs knows, and nothing of the contents of files.
///
/// libext2fs is for one thread at a time, so this value lives behind one lock (``FileSystem``).
@safe
struct Metadata: ~Copyable {
  let fileSystem: ext2_filsys
  let cache: MetadataCache
  let freed: FreedBlocks
  let reserved = ReservedBlocks()
  let isReadOnly: Bool
  private let manager: IOManager
  /// The log of the journal's transactions; nil without a journal, or if it is not written.
  private(set) var log: JournalLog?
  let device: any BlockDevice
  /// The caller of the current operation.
  var caller = Caller.root
  /// Whether access control lists have an effect (`acl`).
  var usesAccessControlLists = true
  /// Directories whose entries are known by name.
  var directories: [UInt32: Directory] = [:]
  /// The names and blocks that were read into ``directories``.
  var knownDirectorySize = 0
  /// Files without a name that are still open, as the list in the superblock has them, its head last.
  var orphans: [UInt32] = []

  /// Opens the file system whose superblock ``SuperblockSummary`` has found sound.
  init(
    device: any BlockDevice, queue: any BlockQueue, geometry: SuperblockGeometry, readOnly: Bool
  ) throws(Errno) {
    let cache = try MetadataCache(
      device: device, queue: queue, blockByteCount: Int(geometry.blockByteCount))
    try geometry.checkGroups(cache)
    let manager = IOManager(cache: cache)
    let fileSystem = try unsafe manager.openFileSystem(readOnly: readOnly)
    if !readOnly {
      do throws(Errno) {
        try ext2Check(unsafe ext2fs_read_bitmaps(fileSystem))
      } catch {
        unsafe ext2fs_free(fileSystem)
        throw error
      }
    }
    do throws(Errno) {
      try unsafe Self.countFree(in: fileSystem, geometry, readOnly: readOnly)
    } catch {
      unsafe ext2fs_free(fileSystem)
      throw error
    }
    // Copies of the superblock and of the group descriptors are for e2fsck, which keeps them.
    unsafe fileSystem.pointee.flags |= EXT2_FLAG_MASTER_SB_ONLY
    self.cache = cache
    self.manager = manager
    self.device = device
    unsafe self.fileSystem = unsafe fileSystem
    isReadOnly = readOnly
    freed = FreedBlocks(cache: cache)
    unsafe freed.watch(fileSystem)
  }

  deinit { unsafe ext2fs_free(fileSystem) }

  /// Sets the superblock's counts of free blocks and inodes by those of the groups, as the kernel does: its own are old
  /// while the file system is in use. To write, the groups' must be possible, and what their checksums say.
  private static func countFree(
    in fileSystem: ext2_filsys, _ geometry: SuperblockGeometry, readOnly: Bool
  ) throws(Errno) {
    var blocks: UInt64 = 0
    var inodes: UInt64 = 0
    for group in 0..<(unsafe fileSystem.pointee.group_desc_count) {
      let freeBlocks = unsafe UInt64(ext2fs_bg_free_blocks_count(fileSystem, group))
      let freeInodes = unsafe UInt64(ext2fs_bg_free_inodes_count(fileSystem, group))
      if !readOnly {
        guard freeBlocks <= geometry.blocksPerGroup, freeInodes <= geometry.inodesPerGroup,
          unsafe ext2fs_group_desc_csum_verify(fileSystem, group) != 0
        else { throw .corrupted }
      }
      blocks += min(freeBlocks, geometry.blocksPerGroup)
      inodes += min(freeInodes, geometry.inodesPerGroup)
    }
    guard let superblock = unsafe fileSystem.pointee.super else { throw .corrupted }
    let isClustered = geometry.clusterBlockCount > 1
    unsafe ext2fs_free_blocks_count_set(
      superblock, min(isClustered ? blocks * geometry.clusterBlockCount : blocks, geometry.blockCount))
    unsafe superblock.pointee.s_free_inodes_count = UInt32(
      min(inodes, UInt64(superblock.pointee.s_inodes_count)))
  }

  var blockByteCount: Int { cache.blockByteCount }
  var blockCount: UInt64 { unsafe ext2fs_blocks_count(fileSystem.pointee.super) }
  var firstDataBlock: UInt64 { unsafe UInt64(fileSystem.pointee.super.pointee.s_first_data_block) }
  var inodeCount: UInt32 { unsafe fileSystem.pointee.super.pointee.s_inodes_count }
  /// The size of an inode on the disk. Revision 0 knows one only, whatever the field says.
  var inodeByteCount: Int {
    unsafe fileSystem.pointee.super.pointee.s_rev_level == UInt32(EXT2_GOOD_OLD_REV)
      ? Int(EXT2_GOOD_OLD_INODE_SIZE) : Int(fileSystem.pointee.super.pointee.s_inode_size)
  }
  /// The first inode that a name may stand for, but for the root; revision 0 has a fixed one.
  var firstInode: UInt32 {
    let fixed = UInt32(EXT2_GOOD_OLD_FIRST_INO)
    return unsafe fileSystem.pointee.super.pointee.s_rev_level == UInt32(EXT2_GOOD_OLD_REV)
      ? fixed : max(fileSystem.pointee.super.pointee.s_first_ino, fixed)
  }
  var hasChecksums: Bool {
    unsafe fileSystem.pointee.super.pointee.s_feature_ro_compat & UInt32(EXT4_FEATURE_RO_COMPAT_METADATA_CSUM)
      != 0
  }
  /// Whether directory entries carry the type of what they name.
  var hasFileTypes: Bool {
    unsafe fileSystem.pointee.super.pointee.s_feature_incompat & UInt32(EXT2_FEATURE_INCOMPAT_FILETYPE) != 0
  }
  var hasExtents: Bool {
    unsafe fileSystem.pointee.super.pointee.s_feature_incompat & UInt32(EXT3_FEATURE_INCOMPAT_EXTENTS) != 0
  }
  var hasNoNumberOfDirectoryLinks: Bool {
    unsafe fileSystem.pointee.super.pointee.s_feature_ro_compat & UInt32(EXT4_FEATURE_RO_COMPAT_DIR_NLINK)
      != 0
  }

  var sizeLimits: SizeLimits {
    let features = unsafe fileSystem.pointee.super.pointee.s_feature_ro_compat
    let hasHugeFiles = features & UInt32(EXT4_FEATURE_RO_COMPAT_HUGE_FILE) != 0
    return SizeLimits(blockByteCount: blockByteCount, countsHugeFiles: hasHugeFiles)
  }

  /// Opens the journal, if there is one, for ``markInUse()`` to take it into use. Its log is empty.
  mutating func openJournal(device: any BlockDevice) throws(Errno) {
    let superblock = unsafe fileSystem.pointee.super.pointee
    guard superblock.s_feature_compat & UInt32(EXT3_FEATURE_COMPAT_HAS_JOURNAL) != 0 else { return }
    log = try JournalLog(
      device: device, cache: cache, map: try journalMap(), hasChecksums: hasChecksums,
      is64Bit: superblock.s_feature_incompat & UInt32(EXT4_FEATURE_INCOMPAT_64BIT) != 0)
  }

  // MARK: Inodes

  /// Reads an inode, by a number from the disk or from the kernel.
  func inode(_ number: UInt32) throws(Errno) -> Inode {
    guard number > 0, number <= inodeCount else { throw .corrupted }
    var inode = Inode(number: number)
    try ext2Check(
      unsafe ext2fs_read_inode_full(
        fileSystem, number, cext2_small(&inode.raw), Int32(MemoryLayout<ext2_inode_large>.size)))
    return inode
  }

  func write(_ inode: Inode) throws(Errno) {
    var copy = inode
    try ext2Check(
      unsafe ext2fs_write_inode_full(
        fileSystem, inode.number, cext2_small(&copy.raw), Int32(MemoryLayout<ext2_inode_large>.size)))
  }

  /// Marks an inode in the bitmap, and counts it everywhere.
  func countInode(_ number: UInt32, isUsed: Bool, isDirectory: Bool) {
    unsafe freed.groups.note(fileSystem, inode: number)
    unsafe ext2fs_inode_alloc_stats2(fileSystem, number, isUsed ? 1 : -1, isDirectory ? 1 : 0)
  }

  func setByteCount(_ byteCount: UInt64, of inode: inout Inode) throws(Errno) {
    try ext2Check(unsafe ext2fs_inode_size_set(fileSystem, cext2_small(&inode.raw), Int64(byteCount)))
  }

  /// Whether an extent or a block pointer can be a file's.
  func isPlausible(block: UInt64, count: UInt64) -> Bool {
    block > firstDataBlock && block < blockCount && count <= blockCount - block
  }

  /// Measures a step that changes the blocks of a file.
  func stepMeter(usesExtents: Bool) -> StepMeter {
    StepMeter(
      firstDataBlock: firstDataBlock,
      blocksPerGroup: unsafe UInt64(fileSystem.pointee.super.pointee.s_blocks_per_group),
      pointerCount: usesExtents ? nil : UInt64(blockMapShape.pointerCount))
  }

  // MARK: Batches

  /// Does `body` and writes what it changed in an order that leaves no pointer to an unwritten block.
  mutating func batch<Result>(_ body: (inout Metadata) throws(Errno) -> Result) throws(Errno) -> Result {
    cache.beginBatch()
    let result: Result
    do throws(Errno) {
      result = try body(&self)
    } catch {
      try cache.endBatch()
      throw error
    }
    try cache.endBatch()
    return result
  }
}
