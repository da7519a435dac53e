import CExt2
import SystemPackage

/// Contents that lie in the inode itself (`inline_data`): 60 bytes in the place of the block pointers, the rest in the
/// attribute `system.data`.
///
/// They are read from there. The first change moves them to a block, so that all other code knows blocks alone.
extension Metadata {
  func isInline(_ inode: Inode) -> Bool {
    inode.flags & UInt32(EXT4_INLINE_DATA_FL) != 0
      && hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_INLINE_DATA)
  }

  /// The contents of an inline file, directory or symbolic link, up to its size.
  func inlineData(of inode: Inode) throws(Errno) -> [UInt8] {
    let bytes = try library.inlineData(of: inode.number, limit: blockByteCount)
    guard inode.byteCount <= UInt64(bytes.count) else { throw .corrupted }
    return Array(bytes.prefix(Int(inode.byteCount)))
  }

  /// Takes the block to which the contents of a file move.
  func takeFirstBlock(of inode: Inode) throws(Errno) -> UInt64 {
    try takeBlock(near: library.goal(for: inode.raw, number: inode.number, logical: 0))
  }

  /// Says that the contents of an inode are in a block, where they have been written; nil if there are none.
  ///
  /// One write changes the attribute, the pointers and the size, so call it in a batch.
  mutating func leaveInode(_ number: UInt32, for block: UInt64?, byteCount: UInt64) throws(Errno) {
    let attributes = try AttributeHandle(library, number)
    try mendingReferences(of: number) { (_: inout Metadata) throws(Errno) in
      try attributes.remove(Array("system.data".utf8))
    }
    var inode = try inode(number)
    inode.flags &= ~UInt32(EXT4_INLINE_DATA_FL)
    inode.setBlockBytes([UInt8](repeating: 0, count: Inode.blockByteCount))
    if hasExtents { startExtents(&inode) }
    try setByteCount(byteCount, of: &inode)
    try write(inode)
    guard let block else { return }
    let run = Run(logical: 0, physical: block, count: 1, state: .written)
    if inode.usesExtents {
      _ = try fill([run], of: number, byteCount: byteCount)
    } else {
      try mapBlocks([run], in: &inode, isPromised: false)
    }
  }

  // MARK: Directories

  /// The names of an inline directory as a block of them.
  ///
  /// The first four bytes are the number of the directory above; the names in the attribute are a part of their own.
  func inlineDirectoryBlock(_ inode: Inode) throws(Errno) -> DirectoryBlock {
    let bytes = try inlineData(of: inode)
    guard bytes.count >= 60 else { throw .corrupted }
    var block = DirectoryBlock(byteCount: blockByteCount, hasChecksums: hasChecksums)
    let parent = (0..<4).reduce(0) { $0 | UInt32(bytes[$1]) << UInt32(8 * $1) }
    let type: UInt8 = hasFileTypes ? 2 : 0
    _ = block.insert(name: [0x2E], inode: inode.number, type: type)
    _ = block.insert(name: [0x2E, 0x2E], inode: parent, type: type)
    for part in [bytes[4..<60], bytes[60...]] where !part.isEmpty {
      let part = DirectoryBlock(Array(part), hasChecksums: false)
      guard let records = part.records() else { throw .corrupted }
      for record in records where record.inode != 0 && record.nameByteCount > 0 {
        let name = part.name(of: record)
        guard block.insert(name: name, inode: record.inode, type: record.type) != nil else {
          throw .corrupted
        }
      }
    }
    return block
  }

  /// Moves the names of an inline directory to a block before they change.
  mutating func leaveInode(_ directory: Directory) throws(Errno) {
    guard directory.isInline else { return }
    let inode = try inode(directory.inode)
    let block = try inlineDirectoryBlock(inode)
    let physical = try takeFirstBlock(of: inode)
    do throws(Errno) {
      try batch { (metadata: inout Metadata) throws(Errno) in
        try metadata.writeBlock(block, to: physical, of: inode.number)
        try metadata.leaveInode(inode.number, for: physical, byteCount: UInt64(metadata.blockByteCount))
      }
    } catch {
      giveBack(block: physical, count: 1)
      directories[directory.inode] = nil
      throw error
    }
    directory.blocks = [physical]
    directory.isInline = false
  }
}
