import CExt2
import SystemPackage

/// The most names that are kept of all directories together.
private let knownNameLimit = 1 << 20

extension Metadata {
  /// What is known of a directory, read if it is not yet.
  mutating func directory(_ number: UInt32) throws(Errno) -> Directory {
    if let known = directories[number] { return known }
    let inode = try inode(number)
    guard inode.isDirectory else { throw .notDirectory }
    let directory = try isInline(inode) ? Directory(inline: inode) : emptyDirectory(inode)
    for index in 0..<directory.blockCount {
      let block = try readBlock(index, of: directory)
      guard let records = block.records() else { throw .corrupted }
      for record in records where record.inode != 0 && record.nameByteCount > 0 {
        directory.entries[block.name(of: record)] = Directory.Entry(
          inode: record.inode, type: record.type, block: index, offset: record.offset)
      }
      directory.gaps.append(records.map(\.slack).max() ?? 0)
    }
    var known = directory.entries.count
    for other in directories.values { known += other.entries.count }
    if known > knownNameLimit { directories.removeAll() }
    directories[number] = directory
    return directory
  }

  /// A directory whose names were not read yet.
  private func emptyDirectory(_ inode: Inode) throws(Errno) -> Directory {
    let size = inode.byteCount
    guard size % UInt64(blockByteCount) == 0, size / UInt64(blockByteCount) <= blockCount else {
      throw .corrupted
    }
    var blocks: [UInt64] = []
    for run in try runs(of: inode).runs {
      guard run.logical == UInt64(blocks.count), run.state == .written else { throw .corrupted }
      for offset in 0..<run.count { blocks.append(run.physical + offset) }
    }
    guard UInt64(blocks.count) >= size / UInt64(blockByteCount) else { throw .corrupted }
    return Directory(inode, blocks: Array(blocks.prefix(Int(size / UInt64(blockByteCount)))))
  }

  func readBlock(_ index: Int, of directory: Directory) throws(Errno) -> DirectoryBlock {
    if directory.isInline { return try inlineDirectoryBlock(try inode(directory.inode)) }
    var bytes = [UInt8](repeating: 0, count: blockByteCount)
    // SAFETY: the array is one block, which is what is read.
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_read_dir_block4(fileSystem, directory.blocks[index], $0.baseAddress, 0, directory.inode)
    }
    try ext2Check(result)
    return DirectoryBlock(bytes, hasChecksums: hasChecksums)
  }

  /// Writes a block with its checksum.
  func writeBlock(_ block: DirectoryBlock, to physical: UInt64, of number: UInt32) throws(Errno) {
    var bytes = block.bytes
    // SAFETY: as above.
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe ext2fs_write_dir_block4(fileSystem, physical, $0.baseAddress, 0, number)
    }
    try ext2Check(result)
  }

  /// The inode that a name stands for. Throws `EUCLEAN` for a number that no name may have.
  mutating func lookup(_ name: [UInt8], in parent: UInt32) throws(Errno) -> Directory.Entry? {
    let directory = try directory(parent)
    if directory.isEncrypted { throw .noKey }
    guard let entry = directory.entries[name] else { return nil }
    let first = unsafe max(
      fileSystem.pointee.super.pointee.s_rev_level > 0 ? fileSystem.pointee.super.pointee.s_first_ino : 11, 11
    )
    let isParentLink = name == [0x2E] || name == [0x2E, 0x2E]
    guard entry.inode >= first || isParentLink && entry.inode == UInt32(EXT2_ROOT_INO),
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
    directory.entries[name] = Directory.Entry(inode: inode, type: type, block: index, offset: offset)
  }

  /// Removes a name.
  mutating func remove(_ name: [UInt8], from parent: UInt32) throws(Errno) {
    let directory = try directory(parent)
    guard let entry = directory.entries[name] else { throw .noSuchFileOrDirectory }
    try leaveInode(directory)
    try dropIndex(of: directory)
    var block = try readBlock(entry.block, of: directory)
    guard let record = block.record(at: entry.offset), block.name(of: record) == name else {
      throw .corrupted
    }
    block.remove(at: entry.offset)
    try commit(block, entry.block, of: directory)
    directory.entries[name] = nil
  }

  /// Lets a name stand for another inode, in one write.
  mutating func retarget(_ name: [UInt8], in parent: UInt32, to inode: UInt32, type: UInt8) throws(Errno) {
    let directory = try directory(parent)
    guard var entry = directory.entries[name] else { throw .noSuchFileOrDirectory }
    try leaveInode(directory)
    try dropIndex(of: directory)
    var block = try readBlock(entry.block, of: directory)
    guard let record = block.record(at: entry.offset), block.name(of: record) == name else {
      throw .corrupted
    }
    block.setTarget(inode: inode, type: hasFileTypes ? type : 0, at: entry.offset)
    try commit(block, entry.block, of: directory)
    entry.inode = inode
    entry.type = type
    directory.entries[name] = entry
  }

  private mutating func commit(_ block: DirectoryBlock, _ index: Int, of directory: Directory) throws(Errno) {
    do throws(Errno) {
      try writeBlock(block, to: directory.blocks[index], of: directory.inode)
    } catch {
      // What the disk has is not known.
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

  /// Makes an indexed directory a plain one: a changed index that nobody updates would hide names.
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
