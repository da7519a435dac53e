import CExt2
import Glibc
import SystemPackage

extension Metadata {
  /// Records a change of a directory: its times, and the number of its links if that changed.
  mutating func touch(_ number: UInt32, linkCount: UInt16? = nil) throws(Errno) {
    var inode = try inode(number)
    let now = InodeTime.now()
    inode.modificationTime = now
    inode.changeTime = now
    if let linkCount { inode.linkCount = linkCount }
    try write(inode)
  }

  /// Counts a link of a directory whose names were changed already. 1 stands for more than ``linkLimit`` (`dir_nlink`), and
  /// goes when there are fewer again: e2fsck counts.
  mutating func countLink(of inode: inout Inode, by change: Int) throws(Errno) {
    let count =
      inode.linkCount == 1
      ? try subdirectoryCount(of: try directory(inode.number)) + 2 : Int(inode.linkCount) + change
    inode.linkCount = count > Int(linkLimit) ? 1 : UInt16(max(count, 0))
  }

  func checkRoomForLink(_ directory: Inode) throws(Errno) {
    if directory.linkCount >= linkLimit, !hasNoNumberOfDirectoryLinks { throw .tooManyLinks }
  }

  /// Gives a file a further name, or one without a name its first.
  mutating func link(_ number: UInt32, as name: [UInt8], in parent: UInt32) throws(Errno) -> Inode {
    var inode = try inode(number)
    try checkMayAddNames(try self.inode(parent))
    guard !inode.isDirectory, !inode.isProtected else { throw .notPermitted }
    let isUnnamed = inode.linkCount == 0
    if isUnnamed {
      // The kernel lets those alone pass that O_TMPFILE made.
      guard inode.isRegularFile, orphans.contains(number) else { throw .noSuchFileOrDirectory }
    }
    guard inode.linkCount < linkLimit else { throw .tooManyLinks }
    guard name.count <= 255 else { throw .fileNameTooLong }
    guard try lookup(name, in: parent) == nil else { throw .fileExists }
    try checkProject(of: inode, in: try self.inode(parent))
    inode.linkCount += 1
    inode.changeTime = .now()
    try write(inode)
    do throws(Errno) {
      try insert(name, inode: number, type: inode.directoryEntryType, in: parent)
    } catch {
      inode.linkCount -= 1
      try write(inode)
      throw error
    }
    try touch(parent)
    if isUnnamed {
      // Last: on the list and with a name it is a file like others for e2fsck and the kernel.
      try removeOrphan(number)
      inode.deletionTime = 0
      try write(inode)
    }
    return inode
  }

  /// Removes a name of a file other than a directory. A file without names is freed by ``free(_:)`` when nobody uses it.
  ///
  /// - Returns: The inode afterwards.
  mutating func unlink(_ name: [UInt8], in parent: UInt32) throws(Errno) -> Inode {
    let inode = try removableInode(name, in: parent)
    guard !inode.isDirectory else { throw .isDirectory }
    try remove(name, from: parent)
    try touch(parent)
    return try dropLink(inode.number)
  }

  /// Removes an empty directory.
  mutating func removeDirectory(_ name: [UInt8], in parent: UInt32) throws(Errno) -> Inode {
    var inode = try removableInode(name, in: parent)
    guard inode.isDirectory else { throw .notDirectory }
    guard inode.number != parent else { throw .invalidArgument }
    guard try isEmpty(try directory(inode.number)) else { throw .directoryNotEmpty }
    try remove(name, from: parent)
    var above = try self.inode(parent)
    try countLink(of: &above, by: -1)
    try touch(parent, linkCount: above.linkCount)
    try dropDirectory(&inode)
    return inode
  }

  private mutating func removableInode(_ name: [UInt8], in parent: UInt32) throws(Errno) -> Inode {
    guard let entry = try lookup(name, in: parent) else { throw .noSuchFileOrDirectory }
    let inode = try inode(entry.inode)
    try checkMayRemove(inode, from: try self.inode(parent))
    return inode
  }

  /// Refuses new names in an immutable directory.
  func checkMayAddNames(_ directory: Inode) throws(Errno) {
    if directory.isImmutable { throw .notPermitted }
  }

  /// Refuses to take away, or to change, a name that its directory's or its file's flags protect.
  func checkMayRemove(_ inode: Inode, from directory: Inode) throws(Errno) {
    if directory.isProtected || inode.isProtected { throw .notPermitted }
  }

  private mutating func dropDirectory(_ inode: inout Inode) throws(Errno) {
    inode.linkCount = 0
    inode.changeTime = .now()
    directories[inode.number] = nil
    try addOrphan(&inode)
  }

  /// Counts one name less; without names the file becomes an orphan.
  mutating func dropLink(_ number: UInt32) throws(Errno) -> Inode {
    var inode = try inode(number)
    guard inode.linkCount > 0 else { throw .corrupted }
    inode.changeTime = .now()
    inode.linkCount -= 1
    if inode.linkCount == 0 { try addOrphan(&inode) } else { try write(inode) }
    return inode
  }

  /// Cuts a file off at a size that it exceeds, or at the size that it has: frees what is beyond.
  mutating func cut(_ number: UInt32, at byteCount: UInt64) throws(Errno) {
    let size = UInt64(blockByteCount)
    let newByteCount = min(byteCount, try inode(number).byteCount)
    // Before the size: a tree must not reach beyond it, see change(_:in:added:byteCount:).
    try punch(
      byteCount / size + (byteCount % size == 0 ? 0 : 1)..<UInt64.max, of: number, byteCount: newByteCount)
    var record = try inode(number)
    try setByteCount(newByteCount, of: &record)
    try write(record)
  }

  /// Frees an inode that nothing names, and its blocks.
  mutating func free(_ inode: inout Inode) throws(Errno) {
    let number = inode.number
    directories[number] = nil
    var current = try self.inode(number)
    if current.hasBlocks { try punch(0..<UInt64.max, of: number, byteCount: 0) }
    while try removeAttributeValue(of: number) {}
    current = try self.inode(number)
    try library.freeAttributeBlock(of: &current.raw, number: number)
    // Off the list first: an inode that is free and on it would be freed twice.
    try removeOrphan(number)
    current.linkCount = 0
    current.deletionTime = UInt32(truncatingIfNeeded: time(nil))
    try setByteCount(0, of: &current)
    try write(current)
    countInode(number, isUsed: false, isDirectory: current.isDirectory)
    inode = current
  }
}
