import CExt2
import SystemPackage

/// A file system that libext2fs has open (`ext2_filsys`): its superblock and its inodes.
///
/// libext2fs is for one thread at a time: the handle belongs to the thread that holds the lock of the metadata.
@safe
final class Ext2Handle {
  // SAFETY: `init` opens the file system, and checks that libext2fs has its superblock; nothing but `deinit` closes it. The handle
  // keeps the I/O manager and the observer that libext2fs calls. Structures that libext2fs reads or writes are passed for the
  // duration of a call, and numbers of groups are checked before it takes them for an index.
  let pointer: ext2_filsys
  private let manager: IOManager
  private var observer: FreedBlocks?

  /// Opens the file system on the cache's device.
  init(cache: MetadataCache, readOnly: Bool) throws(Errno) {
    let manager = IOManager(cache: cache)
    let pointer = try unsafe manager.openFileSystem(readOnly: readOnly)
    guard unsafe pointer.pointee.super != nil else {
      unsafe ext2fs_free(pointer)
      throw .corrupted
    }
    self.manager = manager
    unsafe self.pointer = unsafe pointer
  }

  deinit { unsafe ext2fs_free(pointer) }

  /// Lets `observer` know of each block that libext2fs allocates or frees on its own.
  func report(to observer: FreedBlocks) {
    self.observer = observer
    unsafe pointer.pointee.priv_data = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe ext2fs_set_block_alloc_stats_callback(
      pointer,
      { fileSystem, block, direction in
        guard let context = unsafe fileSystem?.pointee.priv_data else { return }
        // SAFETY: libext2fs calls this during a call of the handle's methods, so that the handle is there.
        let handle = unsafe Unmanaged<Ext2Handle>.fromOpaque(context).takeUnretainedValue()
        handle.observer?.note(block: block, isFreed: direction < 0, in: handle)
      }, nil)
    // libext2fs 1.47 reports a range only after it has counted it down to nothing: no callback for those.
  }

  /// Keeps libext2fs from writing copies of the superblock and of the group descriptors.
  func writeOnlyFirstSuperblock() { unsafe pointer.pointee.flags |= EXT2_FLAG_MASTER_SB_ONLY }

  // MARK: Superblock

  /// A copy of the superblock.
  var superblock: ext2_super_block { unsafe pointer.pointee.super.pointee }

  /// Changes the superblock in memory.
  func changeSuperblock(_ body: (inout ext2_super_block) -> Void) {
    unsafe body(&pointer.pointee.super.pointee)
  }

  /// Sets the checksum of the superblock in memory.
  func setSuperblockChecksum() throws(Errno) {
    try ext2Check(unsafe ext2fs_superblock_csum_set(pointer, pointer.pointee.super))
  }

  /// Makes a file system of revision 0 one of revision 1, in memory.
  func updateRevision() { unsafe ext2fs_update_dynamic_rev(pointer) }

  var compatibleFeatures: UInt32 { unsafe pointer.pointee.super.pointee.s_feature_compat }
  var incompatibleFeatures: UInt32 { unsafe pointer.pointee.super.pointee.s_feature_incompat }
  var readOnlyCompatibleFeatures: UInt32 { unsafe pointer.pointee.super.pointee.s_feature_ro_compat }
  var isRevision0: Bool { unsafe pointer.pointee.super.pointee.s_rev_level == UInt32(EXT2_GOOD_OLD_REV) }

  var blockCount: UInt64 { unsafe ext2fs_blocks_count(pointer.pointee.super) }
  var firstDataBlock: UInt64 { unsafe UInt64(pointer.pointee.super.pointee.s_first_data_block) }
  var blocksPerGroup: UInt64 { unsafe UInt64(pointer.pointee.super.pointee.s_blocks_per_group) }
  var inodeCount: UInt32 { unsafe pointer.pointee.super.pointee.s_inodes_count }
  /// `s_inode_size`, which revision 0 does not have.
  var inodeByteCount: UInt16 { unsafe pointer.pointee.super.pointee.s_inode_size }
  /// The blocks that the disk calls free.
  var freeBlockCount: UInt64 {
    get { unsafe ext2fs_free_blocks_count(pointer.pointee.super) }
    set { unsafe ext2fs_free_blocks_count_set(pointer.pointee.super, newValue) }
  }
  /// `s_r_blocks_count`
  var rootReserveBlockCount: UInt64 { unsafe ext2fs_r_blocks_count(pointer.pointee.super) }
  /// The power of two of blocks in one cluster.
  var clusterShift: Int32 { unsafe pointer.pointee.cluster_ratio_bits }

  // MARK: Inodes

  /// Reads an inode. Throws `EUCLEAN` for a number that no inode has.
  func inode(_ number: UInt32) throws(Errno) -> ext2_inode_large {
    var inode = ext2_inode_large()
    try ext2Check(
      unsafe ext2fs_read_inode_full(
        pointer, number, cext2_small(&inode), Int32(MemoryLayout<ext2_inode_large>.size)))
    return inode
  }

  /// Reads the first bytes of an inode on the disk.
  func inodeBytes(_ number: UInt32, byteCount: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_read_inode_full(
        pointer, number, $0.baseAddress?.assumingMemoryBound(to: ext2_inode.self), Int32(clamping: $0.count))
    }
    try ext2Check(result)
    return bytes
  }

  /// Writes the fields of an inode, and leaves what is behind them.
  func write(_ inode: ext2_inode_large, to number: UInt32) throws(Errno) {
    var copy = inode
    try ext2Check(
      unsafe ext2fs_write_inode_full(
        pointer, number, cext2_small(&copy), Int32(MemoryLayout<ext2_inode_large>.size)))
  }

  /// Writes the fields of an inode, and zeros behind them up to `byteCount`.
  func writeWhole(_ inode: ext2_inode_large, to number: UInt32, byteCount: Int) throws(Errno) {
    var bytes = inode.bytes
    if bytes.count < byteCount { bytes += [UInt8](repeating: 0, count: byteCount - bytes.count) }
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_write_inode_full(
        pointer, number, $0.baseAddress?.assumingMemoryBound(to: ext2_inode.self), Int32(clamping: byteCount))
    }
    try ext2Check(result)
  }

  /// Sets an inode's size in memory.
  func setByteCount(_ byteCount: UInt64, of inode: inout ext2_inode_large) throws(Errno) {
    try ext2Check(unsafe ext2fs_inode_size_set(pointer, cext2_small(&inode), Int64(bitPattern: byteCount)))
  }

  /// Adds to an inode's count of blocks in memory.
  func addBlocks(_ count: UInt64, to inode: inout ext2_inode_large) throws(Errno) {
    try ext2Check(unsafe ext2fs_iblk_add_blocks(pointer, cext2_small(&inode), count))
  }

  /// Subtracts from an inode's count of blocks in memory. Throws `EUCLEAN` if the count would fall below nothing.
  func subtractBlocks(_ count: UInt64, from inode: inout ext2_inode_large) throws(Errno) {
    guard unsafe ext2fs_iblk_sub_blocks(pointer, cext2_small(&inode), count) == 0 else { throw .corrupted }
  }

  /// The number of files that share the value of an extended attribute, which an inode holds (`ea_inode`).
  func referenceCount(of inode: ext2_inode_large) -> UInt64 {
    var copy = inode
    return unsafe ext2fs_get_ea_inode_ref(cext2_small(&copy))
  }

  /// Sets the count of ``referenceCount(of:)`` in memory.
  func setReferenceCount(_ count: UInt64, of inode: inout ext2_inode_large) {
    unsafe ext2fs_set_ea_inode_ref(cext2_small(&inode), count)
  }

  /// Gives up the block of extended attributes of an inode that is being freed.
  func freeAttributeBlock(of inode: inout ext2_inode_large, number: UInt32) throws(Errno) {
    try ext2Check(unsafe ext2fs_free_ext_attr(pointer, number, &inode))
  }

  /// The contents of a file that lie in its inode (`inline_data`). Throws `EUCLEAN` if they have more than `limit` bytes.
  func inlineData(of number: UInt32, limit: Int) throws(Errno) -> [UInt8] {
    var byteCount = 0
    try ext2Check(unsafe ext2fs_inline_data_size(pointer, number, &byteCount))
    guard byteCount >= 0, byteCount <= limit else { throw .corrupted }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    // SAFETY: the array has the size that libext2fs has just found.
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_inline_data_get(pointer, number, nil, $0.baseAddress, &byteCount)
    }
    try ext2Check(result)
    return bytes
  }
}

/// Blocks of structures with their checksums, and comparisons of the names in them.
extension Ext2Handle {
  // SAFETY: see the type. libext2fs reads and writes whole blocks of its own block size, so that every function refuses an array of
  // another size.

  private var blockByteCount: Int { unsafe Int(pointer.pointee.blocksize) }

  private func checkBlock(_ bytes: [UInt8]) throws(Errno) {
    guard bytes.count == blockByteCount else { throw .corrupted }
  }

  // MARK: Directories

  /// Reads a block of a directory, and checks its checksum.
  func directoryBlock(_ block: UInt64, of number: UInt32) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: blockByteCount)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_read_dir_block4(pointer, block, $0.baseAddress, 0, number)
    }
    try ext2Check(result)
    return bytes
  }

  /// Writes a block of a directory, with its checksum.
  func writeDirectoryBlock(_ bytes: [UInt8], to block: UInt64, of number: UInt32) throws(Errno) {
    try checkBlock(bytes)
    var bytes = bytes
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_write_dir_block4(pointer, block, $0.baseAddress, 0, number)
    }
    try ext2Check(result)
  }

  // MARK: Extent nodes

  /// Whether a node of an extent tree has the right checksum, or none is in use.
  ///
  /// - Parameter bytes: A block, whose `eh_max` was checked against its size: it tells where the checksum is.
  func isIntact(extentNode bytes: [UInt8], of number: UInt32) throws(Errno) -> Bool {
    try checkExtentNode(bytes)
    var bytes = bytes
    return unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_extent_block_csum_verify(
        pointer, number, $0.baseAddress?.assumingMemoryBound(to: ext3_extent_header.self)) != 0
    }
  }

  /// Sets the checksum of a node of an extent tree.
  func setChecksum(ofExtentNode bytes: inout [UInt8], of number: UInt32) throws(Errno) {
    try checkExtentNode(bytes)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_extent_block_csum_set(
        pointer, number, $0.baseAddress?.assumingMemoryBound(to: ext3_extent_header.self))
    }
    try ext2Check(result)
  }

  private func checkExtentNode(_ bytes: [UInt8]) throws(Errno) {
    try checkBlock(bytes)
    guard Int(bytes.word(4, 2)) <= ExtentNode.capacity(byteCount: bytes.count) else { throw .corrupted }
  }

  // MARK: The file of orphans

  /// Whether a block of the orphan file has the right checksum, or none is in use.
  func isIntact(orphanBlock bytes: [UInt8], at block: UInt64, of number: UInt32) throws(Errno) -> Bool {
    try checkBlock(bytes)
    var bytes = bytes
    return unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_orphan_file_block_csum_verify(pointer, number, block, $0.baseAddress) != 0
    }
  }

  /// Sets the checksum at the end of a block of the orphan file.
  func setChecksum(ofOrphanBlock bytes: inout [UInt8], at block: UInt64, of number: UInt32) throws(Errno) {
    try checkBlock(bytes)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_orphan_file_block_csum_set(pointer, number, block, $0.baseAddress)
    }
    try ext2Check(result)
  }

  // MARK: Names

  // The tables of an encoding are constant, and never freed.

  /// Whether the file system has an encoding of names, which tells what differs by case alone (`casefold`).
  var hasEncoding: Bool { unsafe pointer.pointee.encoding != nil }

  /// Whether the encoding has a name.
  func isEncoded(_ name: [UInt8]) -> Bool {
    guard let table = unsafe pointer.pointee.encoding else { return false }
    var copy = name.map { CChar(bitPattern: $0) }
    var position: UnsafeMutablePointer<CChar>?
    return unsafe copy.withUnsafeMutableBufferPointer {
      unsafe ext2fs_check_encoded_name(table, $0.baseAddress, $0.count, &position) == 0
    }
  }

  /// Whether names differ by case alone, or not at all.
  func isEqualFolded(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    guard let table = unsafe pointer.pointee.encoding else { return false }
    return unsafe ext2fs_casefold_cmp(table, first, first.count, second, second.count) == 0
  }

  /// A hash that names have in common which differ by case alone; nil for lack of memory.
  func foldedHash(_ name: [UInt8], seed: (UInt32, UInt32, UInt32, UInt32)) -> UInt32? {
    guard let table = unsafe pointer.pointee.encoding else { return nil }
    var (major, minor): (ext2_dirhash_t, ext2_dirhash_t) = (0, 0)
    let seed = [seed.0, seed.1, seed.2, seed.3]
    let result = unsafe name.withUnsafeBytes { name in
      unsafe ext2fs_dirhash2(
        EXT2_HASH_HALF_MD4, name.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(name.count), table,
        EXT4_CASEFOLD_FL, seed, &major, &minor)
    }
    return result == 0 ? major ^ minor : nil
  }

  // MARK: Checksums

  /// CRC-32C that continues `checksum`, without the final inversion.
  static func crc32c(_ checksum: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { unsafe ext2fs_crc32c_le(checksum, $0.baseAddress, $0.count) }
  }

  /// CRC-32 with the most significant bit first, which continues `checksum`, without the final inversion.
  static func crc32BigEndian(_ checksum: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { unsafe ext2fs_crc32_be(checksum, $0.baseAddress, $0.count) }
  }
}
