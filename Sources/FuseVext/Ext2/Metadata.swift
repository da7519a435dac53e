import CExt2
import SystemPackage

/// The file system's structures: what libext2fs knows, and nothing of the contents of files.
///
/// libext2fs is for one thread at a time, so this value lives behind one lock (``FileSystem``).
struct Metadata: ~Copyable {
  let library: Ext2Handle
  let cache: MetadataCache
  let freed: FreedBlocks
  let reserved = ReservedBlocks()
  let isReadOnly: Bool
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
    let library = try Ext2Handle(cache: cache, readOnly: readOnly)
    if !readOnly { try library.readBitmaps() }
    try Self.countFree(in: library, geometry, readOnly: readOnly)
    // Copies of the superblock and of the group descriptors are for e2fsck, which keeps them.
    library.writeOnlyFirstSuperblock()
    self.cache = cache
    self.device = device
    self.library = library
    isReadOnly = readOnly
    freed = FreedBlocks(cache: cache)
    library.report(to: freed)
  }

  /// Sets the superblock's counts of free blocks and inodes by those of the groups, as the kernel does: its own are old
  /// while the file system is in use. To write, the groups' must be possible, and what their checksums say.
  private static func countFree(
    in library: Ext2Handle, _ geometry: SuperblockGeometry, readOnly: Bool
  ) throws(Errno) {
    var blocks: UInt64 = 0
    var inodes: UInt64 = 0
    for group in 0..<library.groupCount {
      let (freeBlocks, freeInodes) = try library.freeCounts(ofGroup: group)
      if !readOnly {
        guard freeBlocks <= geometry.blocksPerGroup, freeInodes <= geometry.inodesPerGroup,
          try library.isDescriptorIntact(ofGroup: group)
        else { throw .corrupted }
      }
      blocks += min(freeBlocks, geometry.blocksPerGroup)
      inodes += min(freeInodes, geometry.inodesPerGroup)
    }
    let isClustered = geometry.clusterBlockCount > 1
    library.freeBlockCount = min(
      isClustered ? blocks * geometry.clusterBlockCount : blocks, geometry.blockCount)
    library.changeSuperblock { $0.s_free_inodes_count = UInt32(min(inodes, UInt64($0.s_inodes_count))) }
  }

  var blockByteCount: Int { cache.blockByteCount }
  var blockCount: UInt64 { library.blockCount }
  var firstDataBlock: UInt64 { library.firstDataBlock }
  var inodeCount: UInt32 { library.inodeCount }
  /// The size of an inode on the disk. Revision 0 knows one only, whatever the field says.
  var inodeByteCount: Int {
    library.isRevision0 ? Int(EXT2_GOOD_OLD_INODE_SIZE) : Int(library.inodeByteCount)
  }
  /// The first inode that a name may stand for, but for the root; revision 0 has a fixed one.
  var firstInode: UInt32 {
    let fixed = UInt32(EXT2_GOOD_OLD_FIRST_INO)
    return library.isRevision0 ? fixed : max(library.superblock.s_first_ino, fixed)
  }
  var hasChecksums: Bool { hasFeature(readOnlyCompatible: EXT4_FEATURE_RO_COMPAT_METADATA_CSUM) }
  /// Whether directory entries carry the type of what they name.
  var hasFileTypes: Bool { hasFeature(incompatible: EXT2_FEATURE_INCOMPAT_FILETYPE) }
  var hasExtents: Bool { hasFeature(incompatible: EXT3_FEATURE_INCOMPAT_EXTENTS) }
  var hasNoNumberOfDirectoryLinks: Bool { hasFeature(readOnlyCompatible: EXT4_FEATURE_RO_COMPAT_DIR_NLINK) }

  var sizeLimits: SizeLimits {
    SizeLimits(
      blockByteCount: blockByteCount,
      countsHugeFiles: hasFeature(readOnlyCompatible: EXT4_FEATURE_RO_COMPAT_HUGE_FILE))
  }

  /// Opens the journal, if there is one, for ``markInUse()`` to take it into use. Its log is empty.
  mutating func openJournal(device: any BlockDevice) throws(Errno) {
    guard library.compatibleFeatures & UInt32(EXT3_FEATURE_COMPAT_HAS_JOURNAL) != 0 else { return }
    log = try JournalLog(
      device: device, cache: cache, map: try journalMap(), hasChecksums: hasChecksums,
      is64Bit: hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_64BIT))
  }

  // MARK: Inodes

  /// Reads an inode, by a number from the disk or from the kernel.
  func inode(_ number: UInt32) throws(Errno) -> Inode {
    guard number > 0, number <= inodeCount else { throw .corrupted }
    var inode = Inode(number: number)
    inode.raw = try library.inode(number)
    return inode
  }

  func write(_ inode: Inode) throws(Errno) { try library.write(inode.raw, to: inode.number) }

  /// Marks an inode in the bitmap, and counts it everywhere.
  func countInode(_ number: UInt32, isUsed: Bool, isDirectory: Bool) {
    freed.groups.note(inode: number, in: library)
    library.count(inode: number, isUsed: isUsed, isDirectory: isDirectory)
  }

  func setByteCount(_ byteCount: UInt64, of inode: inout Inode) throws(Errno) {
    try library.setByteCount(byteCount, of: &inode.raw)
  }

  /// Whether an extent or a block pointer can be a file's.
  func isPlausible(block: UInt64, count: UInt64) -> Bool {
    block > firstDataBlock && block < blockCount && count <= blockCount - block
  }

  /// Measures a step that changes the blocks of a file.
  func stepMeter(usesExtents: Bool) -> StepMeter {
    StepMeter(
      firstDataBlock: firstDataBlock,
      blocksPerGroup: library.blocksPerGroup,
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
