import CExt2
import SystemPackage

/// Files that were without a name, or about to be cut off, when the file system was last in use: orphans. They are on a list
/// that begins in the superblock, or in a file (feature `orphan_file`), which only the kernel fills.
extension Metadata {
  /// Whether a file is on the list.
  func isOrphan(_ number: UInt32) -> Bool {
    // The head first: a long list is worked off from there.
    orphans.last == number || orphans.contains(number)
  }

  /// Reads the list into ``orphans``, and checks it and the file before anything is changed.
  mutating func readOrphans() throws(Errno) {
    var list: [UInt32] = []
    var seen: Set<UInt32> = []
    var number = library.superblock.s_last_orphan
    while number != 0 {
      // A list that comes back to itself has no end.
      guard seen.insert(number).inserted else { throw .corrupted }
      list.append(number)
      number = try orphan(number).deletionTime
    }
    orphans = list.reversed()
    for block in try orphanFileBlocks() {
      for number in try orphans(inBlock: block).filter({ $0 != 0 }) { _ = try orphan(number) }
    }
  }

  /// The inode of an orphan, if it can be one.
  private func orphan(_ number: UInt32) throws(Errno) -> Inode {
    guard number >= firstInode, number <= inodeCount,
      library.isUsed(inode: number)
    else { throw .corrupted }
    let inode = try inode(number)
    let canBeCut = inode.isRegularFile || inode.isDirectory || inode.isSymbolicLink
    guard inode.linkCount == 0 || canBeCut else { throw .corrupted }
    return inode
  }

  // MARK: The file

  private var orphanFile: UInt32 { library.superblock.s_orphan_file_inum }

  /// Whether the file has orphans.
  private var hasOrphanFile: Bool {
    hasFeature(readOnlyCompatible: EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT)
  }

  /// The blocks of the file, if it has orphans.
  private func orphanFileBlocks() throws(Errno) -> [UInt64] {
    guard hasOrphanFile else { return [] }
    let file = try inode(orphanFile)
    guard file.isRegularFile else { throw .corrupted }
    var blocks: [UInt64] = []
    for run in try runs(of: file).runs {
      guard run.count <= Self.orphanFileLimit - UInt64(blocks.count) else { throw .corrupted }
      blocks += run.physical..<run.physical + run.count
    }
    return blocks
  }

  /// The numbers in a block of the file, 0 where there is none.
  private func orphans(inBlock block: UInt64) throws(Errno) -> [UInt32] {
    guard isPlausible(block: block, count: 1) else { throw .corrupted }
    let bytes = try cache.read(byteOffset: block * UInt64(blockByteCount), byteCount: blockByteCount)
    let end = blockByteCount - Self.orphanTailByteCount
    guard bytes.bigEndian32(at: end).byteSwapped == Self.orphanMagic else { throw .corrupted }
    guard try library.isIntact(orphanBlock: bytes, at: block, of: orphanFile) else { throw .corrupted }
    return stride(from: 0, to: end, by: 4).map { bytes.bigEndian32(at: $0).byteSwapped }
  }

  /// `ob_magic`
  private static let orphanMagic: UInt32 = 0x0B10_CA04
  private static let orphanTailByteCount = 8
  /// The blocks that the file may have; mke2fs gives it 512 at most.
  private static let orphanFileLimit: UInt64 = 65536

  /// Moves orphans from the file to the list, at most `limit`, so that a step of a transaction stays small.
  ///
  /// - Parameter listed: The list's numbers: a crash may have left an orphan in the file and in the list.
  /// - Returns: Whether the file has more.
  mutating func moveOrphansToList(limit: Int, listed: inout Set<UInt32>) throws(Errno) -> Bool {
    var count = 0
    for block in try orphanFileBlocks() {
      var numbers = try orphans(inBlock: block)
      let indices = numbers.indices.filter { numbers[$0] != 0 }.prefix(limit - count)
      guard !indices.isEmpty else { continue }
      for index in indices {
        let number = numbers[index]
        numbers[index] = 0
        guard listed.insert(number).inserted else { continue }
        var inode = try orphan(number)
        try addOrphan(&inode)
      }
      try write(numbers, toOrphanBlock: block)
      count += indices.count
      if count == limit { return true }
    }
    guard hasOrphanFile else { return false }
    library.changeSuperblock { $0.s_feature_ro_compat &= ~UInt32(EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT) }
    try writeSuperblock()
    return false
  }

  private func write(_ numbers: [UInt32], toOrphanBlock block: UInt64) throws(Errno) {
    var bytes = [UInt8](repeating: 0, count: blockByteCount)
    for (index, number) in numbers.enumerated() { bytes.setBigEndian32(number.byteSwapped, at: index * 4) }
    bytes.setBigEndian32(Self.orphanMagic.byteSwapped, at: blockByteCount - Self.orphanTailByteCount)
    try library.setChecksum(ofOrphanBlock: &bytes, at: block, of: orphanFile)
    try cache.write(byteOffset: block * UInt64(blockByteCount), bytes: bytes)
  }
}
