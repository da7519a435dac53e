import CExt2
import Glibc
import HostSystem
import SystemPackage

/// Links that an inode can have (ext4's `EXT4_LINK_MAX`).
let linkLimit: UInt16 = 65000

extension Metadata {
  /// Makes a file and its name. The inode is written first, then the name.
  mutating func create(_ name: [UInt8], in parent: UInt32, _ new: NewInode) throws(Errno) -> Inode {
    try checkNewName(name)
    var directory = try inode(parent)
    guard directory.isDirectory else { throw .notDirectory }
    guard directory.linkCount > 0 else { throw .noSuchFileOrDirectory }
    try checkMayAddNames(directory)
    guard try lookup(name, in: parent) == nil else { throw .fileExists }
    let isDirectory = new.mode & 0o170000 == 0o040000
    if isDirectory { try checkRoomForLink(directory) }

    let (new, lists) = try adapted(new, to: directory)
    var inode = try takeInode(new, in: directory)
    do throws(Errno) {
      try writeNew(&inode, new, parent: parent)
      try store(lists, for: &inode)
      try insert(name, inode: inode.number, type: inode.directoryEntryType, in: parent)
    } catch {
      try free(&inode)
      throw error
    }
    if isDirectory { try countLink(of: &directory, by: 1) }
    // Adding the name may have changed size and flags of the directory.
    try touch(parent, linkCount: isDirectory ? directory.linkCount : nil)
    return inode
  }

  /// Makes a regular file without a name (`O_TMPFILE`), which is an orphan until ``link(_:as:in:)`` names it.
  mutating func createUnnamed(in parent: UInt32, _ new: NewInode) throws(Errno) -> Inode {
    let directory = try inode(parent)
    guard directory.isDirectory else { throw .notDirectory }
    guard directory.linkCount > 0 else { throw .noSuchFileOrDirectory }
    try checkMayAddNames(directory)
    let (new, lists) = try adapted(new, to: directory)
    var inode = try takeInode(new, in: directory)
    inode.linkCount = 0
    do throws(Errno) {
      try writeNew(&inode, new, parent: parent)
      try store(lists, for: &inode)
      inode = try self.inode(inode.number)
      try addOrphan(&inode)
    } catch {
      try free(&inode)
      throw error
    }
    return inode
  }

  /// Takes a free inode, in memory alone.
  private func takeInode(_ new: NewInode, in directory: Inode) throws(Errno) -> Inode {
    let number = try library.newInode(in: directory.number, mode: new.mode)
    let inode = try blankInode(number, new, in: directory)
    countInode(number, isUsed: true, isDirectory: inode.isDirectory)
    return inode
  }

  /// Names beyond the format's limit, and those that every directory has.
  private func checkNewName(_ name: [UInt8]) throws(Errno) {
    guard name.count <= 255 else { throw .fileNameTooLong }
    guard !name.isEmpty, name != [0x2E], name != [0x2E, 0x2E] else { throw .fileExists }
  }

  private func blankInode(_ number: UInt32, _ new: NewInode, in directory: Inode) throws(Errno) -> Inode {
    var inode = Inode(number: number)
    var mode = new.mode
    var group = new.group
    if directory.mode & UInt16(S_ISGID) != 0 {
      group = directory.group
      if mode & 0o170000 == 0o040000 { mode |= UInt16(S_ISGID) }
    }
    inode.mode = mode
    inode.linkCount = mode & 0o170000 == 0o040000 ? 2 : 1
    inode.setOwner(user: new.user, group: group)
    if inodeByteCount > 128 {
      inode.raw.i_extra_isize = UInt16(min(inodeByteCount, MemoryLayout<ext2_inode_large>.size) - 128)
    }
    let now = InodeTime.now()
    inode.accessTime = now
    inode.modificationTime = now
    inode.changeTime = now
    inode.setCreationTime(now)
    inode.inheritFlags(from: directory)
    inheritProject(&inode, from: directory)
    inode.raw.i_generation = UInt32(truncatingIfNeeded: HostClock.realtimeNanoseconds())
    return inode
  }

  /// Writes a new inode and what hangs on it; nothing names it yet.
  private mutating func writeNew(_ inode: inout Inode, _ new: NewInode, parent: UInt32) throws(Errno) {
    switch inode.type {
    case 0o100000, 0o040000:
      if hasExtents { startExtents(&inode) }
    case 0o120000:
      if new.target.count < 60 {
        inode.setBlockBytes(new.target)
        try setByteCount(UInt64(new.target.count), of: &inode)
      } else if hasExtents {
        startExtents(&inode)
      }
    default:
      inode.device = new.device
    }
    // Zeros go over what an earlier user left behind the fields.
    try library.writeWhole(inode.raw, to: inode.number, byteCount: inodeByteCount)
    let number = inode.number
    if inode.isDirectory {
      var first = DirectoryBlock(byteCount: blockByteCount, hasChecksums: hasChecksums)
      let type: UInt8 = hasFileTypes ? 2 : 0
      _ = first.insert(name: [0x2E], inode: number, type: type)
      _ = first.insert(name: [0x2E, 0x2E], inode: parent, type: type)
      let block = first
      try addFirstBlock(&inode, byteCount: UInt64(blockByteCount)) { (metadata, physical) throws(Errno) in
        try metadata.writeBlock(block, to: physical, of: number)
      }
    } else if inode.isSymbolicLink, new.target.count >= 60 {
      guard new.target.count < blockByteCount else { throw .fileNameTooLong }
      let content = new.target + [UInt8](repeating: 0, count: blockByteCount - new.target.count)
      try addFirstBlock(&inode, byteCount: UInt64(new.target.count)) { (metadata, physical) throws(Errno) in
        try metadata.cache.write(byteOffset: physical * UInt64(content.count), bytes: content)
      }
    }
  }

  /// Gives an inode an empty extent tree.
  func startExtents(_ inode: inout Inode) {
    inode.flags |= UInt32(EXT4_EXTENTS_FL)
    // ext4's struct ext4_extent_header of an empty tree: eh_magic, eh_entries, eh_max, eh_depth.
    var bytes = inode.blockBytes
    bytes.replaceSubrange(0..<2, with: UInt16(0xF30A).littleEndian.bytes)
    bytes.replaceSubrange(4..<6, with: UInt16(4).littleEndian.bytes)
    inode.setBlockBytes(bytes)
  }

  /// Writes the first block of a new inode before the inode points at it.
  private mutating func addFirstBlock(
    _ inode: inout Inode, byteCount: UInt64, _ fill: (inout Metadata, UInt64) throws(Errno) -> Void
  ) throws(Errno) {
    let number = inode.number
    inode = try batch { (metadata: inout Metadata) throws(Errno) in
      let physical = try metadata.appendBlock(at: 0, to: number, after: nil)
      try fill(&metadata, physical)
      var changed = try metadata.inode(number)
      try metadata.setByteCount(byteCount, of: &changed)
      try metadata.write(changed)
      return changed
    }
  }
}

/// The initial attributes of a new file.
struct NewInode {
  /// Type and permissions, without the bits that the parent decides.
  var mode: UInt16
  var user: UInt32
  var group: UInt32
  /// The bits that ``mode`` loses, unless the directory has a default access control list.
  var umask: UInt16 = 0
  /// The device number of a device file.
  var device: UInt64 = 0
  /// The target of a symbolic link.
  var target: [UInt8] = []
}
