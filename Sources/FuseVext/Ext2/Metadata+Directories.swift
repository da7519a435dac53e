import CExt2
import SystemPackage

/// The most names and blocks that are known of all directories together, before all are forgotten.
private let knownDirectoryLimit = 1 << 21

extension Metadata {
  /// The directory in memory, which is read if necessary.
  mutating func directory(_ number: UInt32) throws(Errno) -> Directory {
    if let known = directories[number] { return known }
    let inode = try inode(number)
    guard inode.isDirectory else { throw .notDirectory }
    let directory = Directory(inode, folding: nameFolding)
    directory.subdirectoryCount = hasFileTypes ? 0 : nil
    if isInline(inode) {
      directory.isInline = true
      try addBlock(0, to: directory)
    } else {
      try addBlocks(of: inode, to: directory)
    }
    knownDirectorySize += directory.names.count + directory.blocks.count + 8
    if knownDirectorySize > knownDirectoryLimit {
      directories.removeAll()
      knownDirectorySize = directory.names.count + directory.blocks.count + 8
    }
    directories[number] = directory
    return directory
  }

  private func addBlocks(of inode: Inode, to directory: Directory) throws(Errno) {
    let size = inode.byteCount
    let count = size / UInt64(blockByteCount)
    guard size % UInt64(blockByteCount) == 0, count <= blockCount, size <= NameTable.byteLimit else {
      throw .corrupted
    }
    // Each block is checked before there is memory for the next one, whatever the size and the extents claim.
    for run in try runs(of: inode, below: count).runs {
      guard run.logical == UInt64(directory.blocks.count), run.state == .written else { throw .corrupted }
      for offset in 0..<run.count {
        directory.blocks.append(run.physical + offset)
        try addBlock(directory.blocks.count - 1, to: directory)
      }
    }
    guard UInt64(directory.blocks.count) == count else { throw .corrupted }
  }

  /// Learns the names of a block of a directory.
  private func addBlock(_ index: Int, to directory: Directory) throws(Errno) {
    let block = try readBlock(index, of: directory)
    guard let records = block.usedRecords() else { throw .corrupted }
    directory.gaps.append(block.largestGap)
    for (record, name) in records {
      let hash = directory.hash(name)
      // Of two entries with one name the first counts, as for the kernel.
      if try find(name, hash, in: directory, { $0.elementsEqual(name) }) != nil { continue }
      directory.names.insert(hash, at: position(index, record.offset))
      directory.count(name, type: record.type, by: 1)
    }
  }

  private func position(_ block: Int, _ offset: Int) -> UInt64 {
    UInt64(block) * UInt64(blockByteCount) + UInt64(offset)
  }

  /// The entry of a name, if the directory has it.
  func find(_ name: [UInt8], in directory: Directory) throws(Errno) -> Directory.Entry? {
    let hash = directory.hash(name)
    if let entry = try find(name, hash, in: directory, { $0.elementsEqual(name) }) { return entry }
    guard let folding = directory.folding else { return nil }
    return try find(name, hash, in: directory) { folding.isEqual(Array($0), name) }
  }

  private func find(
    _ name: [UInt8], _ hash: UInt32, in directory: Directory, _ matches: (ArraySlice<UInt8>) -> Bool
  ) throws(Errno) -> Directory.Entry? {
    var found: Directory.Entry?
    _ = try directory.names.first(hash) { (position) throws(Errno) in
      let index = Int(position / UInt64(blockByteCount))
      let offset = Int(position % UInt64(blockByteCount))
      // With folding the stored name may be longer than the one that is sought.
      let nameByteCount = directory.folding == nil ? name.count : 255
      let bytes = try recordStart(index, offset, 8 + nameByteCount, of: directory)
      guard bytes.count >= 8, case let end = 8 + Int(bytes[6]), end <= bytes.count, matches(bytes[8..<end])
      else {
        return false
      }
      let inode = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << UInt32(8 * $1) }
      found = Directory.Entry(inode: inode, type: bytes[7], block: index, offset: offset)
      return true
    }
    return found
  }

  /// The first bytes of a record (ext4's `struct ext4_dir_entry_2`), fewer than `count` at the end of a block.
  private func recordStart(_ index: Int, _ offset: Int, _ count: Int, of directory: Directory) throws(Errno)
    -> [UInt8]
  {
    let count = min(count, blockByteCount - offset)
    if directory.isInline { return Array(try readBlock(index, of: directory).bytes[offset..<offset + count]) }
    return try cache.read(
      byteOffset: directory.blocks[index] * UInt64(blockByteCount) + UInt64(offset), byteCount: count)
  }

  /// Whether a directory has no names but those that every directory has.
  func isEmpty(_ directory: Directory) throws(Errno) -> Bool {
    var count = directory.names.count
    for name: [UInt8] in [[0x2E], [0x2E, 0x2E]] where try find(name, in: directory) != nil { count -= 1 }
    return count == 0
  }

  /// The number of directories in a directory.
  mutating func subdirectoryCount(of directory: Directory) throws(Errno) -> Int {
    if let known = directory.subdirectoryCount { return known }
    var count = 0
    for index in 0..<directory.blockCount {
      guard let records = try readBlock(index, of: directory).usedRecords() else { throw .corrupted }
      for (record, name) in records where !Directory.isDots(name) {
        if try inode(record.inode).isDirectory { count += 1 }
      }
    }
    directory.subdirectoryCount = count
    return count
  }

  func readBlock(_ index: Int, of directory: Directory) throws(Errno) -> DirectoryBlock {
    if directory.isInline { return try inlineDirectoryBlock(try inode(directory.inode)) }
    let bytes = try library.directoryBlock(directory.blocks[index], of: directory.inode)
    return DirectoryBlock(bytes, hasChecksums: hasChecksums)
  }

  /// Writes a block with its checksum.
  func writeBlock(_ block: DirectoryBlock, to physical: UInt64, of number: UInt32) throws(Errno) {
    try library.writeDirectoryBlock(block.bytes, to: physical, of: number)
  }

  /// The inode that a name stands for. Throws `EUCLEAN` for a number that no name may have.
  mutating func lookup(_ name: [UInt8], in parent: UInt32) throws(Errno) -> Directory.Entry? {
    let directory = try directory(parent)
    if directory.isEncrypted { throw .noKey }
    try directory.folding?.check(name)
    guard let entry = try find(name, in: directory) else { return nil }
    let isParentLink = Directory.isDots(name)
    guard entry.inode >= firstInode || isParentLink && entry.inode == UInt32(EXT2_ROOT_INO),
      entry.inode <= inodeCount
    else {
      throw .corrupted
    }
    return entry
  }

  // MARK: Changes

  /// Adds a name. The inode was written before.
  mutating func insert(_ name: [UInt8], inode: UInt32, type: UInt8, in parent: UInt32) throws(Errno) {
    let directory = try directory(parent)
    try leaveInode(directory)
    try dropIndex(of: directory)
    let type = hasFileTypes ? type : 0
    let needed = DirectoryBlock.recordByteCount(name: name.count)
    var index = directory.gaps.firstIndex { $0 >= needed }
    if index == nil { index = try extend(directory) }
    guard let index else { throw .noSpace }
    var block = try readBlock(index, of: directory)
    guard let offset = block.insert(name: name, inode: inode, type: type) else { throw .corrupted }
    try commit(block, index, of: directory)
    directory.names.insert(directory.hash(name), at: position(index, offset))
    directory.count(name, type: type, by: 1)
  }

  /// Removes a name.
  mutating func remove(_ name: [UInt8], from parent: UInt32) throws(Errno) {
    let directory = try directory(parent)
    guard let entry = try find(name, in: directory) else { throw .noSuchFileOrDirectory }
    try leaveInode(directory)
    try dropIndex(of: directory)
    var block = try readBlock(entry.block, of: directory)
    guard let record = block.record(at: entry.offset), directory.isEqual(block.name(of: record), name)
    else {
      throw .corrupted
    }
    block.remove(at: entry.offset)
    try commit(block, entry.block, of: directory)
    directory.names.remove(directory.hash(name), at: position(entry.block, entry.offset))
    directory.count(name, type: entry.type, by: -1)
  }

  /// Lets a name stand for another inode, in one write.
  mutating func retarget(_ name: [UInt8], in parent: UInt32, to inode: UInt32, type: UInt8) throws(Errno) {
    let directory = try directory(parent)
    guard let entry = try find(name, in: directory) else { throw .noSuchFileOrDirectory }
    try leaveInode(directory)
    try dropIndex(of: directory)
    var block = try readBlock(entry.block, of: directory)
    guard let record = block.record(at: entry.offset), directory.isEqual(block.name(of: record), name)
    else {
      throw .corrupted
    }
    block.setTarget(inode: inode, type: hasFileTypes ? type : 0, at: entry.offset)
    try commit(block, entry.block, of: directory)
    directory.count(name, type: entry.type, by: -1)
    directory.count(name, type: hasFileTypes ? type : 0, by: 1)
  }

  private mutating func commit(_ block: DirectoryBlock, _ index: Int, of directory: Directory) throws(Errno) {
    do throws(Errno) {
      try writeBlock(block, to: directory.blocks[index], of: directory.inode)
    } catch {
      // The disk's contents are unknown after the failure.
      directories[directory.inode] = nil
      throw error
    }
    directory.gaps[index] = block.largestGap
  }

  /// Adds an empty block to a directory: it is written before the inode points at it.
  private mutating func extend(_ directory: Directory) throws(Errno) -> Int {
    let index = directory.blocks.count
    let byteCount = UInt64(index + 1) * UInt64(blockByteCount)
    let empty = DirectoryBlock(byteCount: blockByteCount, hasChecksums: hasChecksums)
    let physical = try batch { (metadata: inout Metadata) throws(Errno) in
      let physical = try metadata.appendBlock(
        at: UInt64(index), to: directory.inode, after: directory.blocks.last)
      try metadata.writeBlock(empty, to: physical, of: directory.inode)
      var inode = try metadata.inode(directory.inode)
      try metadata.setByteCount(byteCount, of: &inode)
      try metadata.write(inode)
      return physical
    }
    directory.blocks.append(physical)
    directory.gaps.append(empty.largestGap)
    return index
  }

  /// Removes the index of a directory, because an index that is not updated would hide names.
  private mutating func dropIndex(of directory: Directory) throws(Errno) {
    var inode = try inode(directory.inode)
    guard inode.isIndexed else { return }
    inode.flags &= ~UInt32(EXT2_INDEX_FL)
    try write(inode)
    guard hasChecksums else { return }
    for index in directory.blocks.indices {
      var block = try readBlock(index, of: directory)
      guard !block.hasTail else { continue }
      block.dropIndex()
      try commit(block, index, of: directory)
    }
  }
}
