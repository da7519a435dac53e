import SystemPackage

extension Metadata {
  /// The place of a name.
  struct Place {
    let parent: UInt32
    let name: [UInt8]
  }

  /// Moves a name. What it replaces is reached by neither name afterwards.
  ///
  /// The new name is written before the old one is removed: a crash between leaves both.
  /// - Returns: The inode that lost its name to the moved one, if any.
  mutating func rename(_ source: Place, to target: Place, mayReplace: Bool) throws(Errno) -> Inode? {
    guard let moved = try lookup(source.name, in: source.parent) else { throw .noSuchFileOrDirectory }
    guard target.name.count <= 255 else { throw .fileNameTooLong }
    let inode = try inode(moved.inode)
    let old = try lookup(target.name, in: target.parent)
    if old != nil, !mayReplace { throw .fileExists }
    // Two names of one file: rename(2) leaves both.
    if old?.inode == moved.inode { return nil }
    let targetParent = try self.inode(target.parent)
    try checkMayRemove(inode, from: try self.inode(source.parent))
    if old == nil { try checkMayAddNames(targetParent) }
    try checkProject(of: inode, in: targetParent)
    var replaced: Inode?
    if let old {
      let oldInode = try self.inode(old.inode)
      try checkMayRemove(oldInode, from: targetParent)
      if oldInode.isDirectory {
        guard inode.isDirectory else { throw .isDirectory }
        guard try isEmpty(try directory(old.inode)) else { throw .directoryNotEmpty }
      } else if inode.isDirectory {
        throw .notDirectory
      }
      replaced = oldInode
    }
    let changesParent = inode.isDirectory && source.parent != target.parent
    if changesParent, replaced == nil { try checkRoomForLink(try self.inode(target.parent)) }

    if replaced != nil {
      try retarget(target.name, in: target.parent, to: inode.number, type: inode.directoryEntryType)
    } else {
      try insert(target.name, inode: inode.number, type: inode.directoryEntryType, in: target.parent)
    }
    try remove(source.name, from: source.parent)
    if changesParent {
      try retarget([0x2E, 0x2E], in: inode.number, to: target.parent, type: 2)
    }
    try countDirectories(source, target, moves: changesParent, replaces: replaced?.isDirectory ?? false)
    var touched = try self.inode(inode.number)
    touched.changeTime = .now()
    try write(touched)
    guard var lost = replaced else { return nil }
    if lost.isDirectory {
      lost.linkCount = 0
      directories[lost.number] = nil
      lost.changeTime = .now()
      try addOrphan(&lost)
      return lost
    }
    return try dropLink(lost.number)
  }

  private mutating func countDirectories(
    _ source: Place, _ target: Place, moves: Bool, replaces: Bool
  ) throws(Errno) {
    var from = try inode(source.parent)
    if moves || (replaces && source.parent == target.parent) { try countLink(of: &from, by: -1) }
    try touch(source.parent, linkCount: from.linkCount)
    guard source.parent != target.parent else { return }
    var to = try inode(target.parent)
    if moves { try countLink(of: &to, by: 1) }
    if replaces { try countLink(of: &to, by: -1) }
    try touch(target.parent, linkCount: to.linkCount)
  }

  /// Lets two names change their files (`RENAME_EXCHANGE`).
  mutating func exchange(_ first: Place, _ second: Place) throws(Errno) {
    guard let one = try lookup(first.name, in: first.parent),
      let other = try lookup(second.name, in: second.parent)
    else { throw .noSuchFileOrDirectory }
    let a = try inode(one.inode)
    let b = try inode(other.inode)
    guard a.number != b.number else { return }
    try checkMayRemove(a, from: try inode(first.parent))
    try checkMayRemove(b, from: try inode(second.parent))
    try checkProject(of: a, in: try inode(second.parent))
    try checkProject(of: b, in: try inode(first.parent))
    try retarget(second.name, in: second.parent, to: a.number, type: a.directoryEntryType)
    try retarget(first.name, in: first.parent, to: b.number, type: b.directoryEntryType)
    if first.parent != second.parent {
      if a.isDirectory { try retarget([0x2E, 0x2E], in: a.number, to: second.parent, type: 2) }
      if b.isDirectory { try retarget([0x2E, 0x2E], in: b.number, to: first.parent, type: 2) }
    }
    var above = try inode(first.parent)
    var beside = try inode(second.parent)
    if first.parent != second.parent, a.isDirectory != b.isDirectory {
      try countLink(of: &above, by: a.isDirectory ? -1 : 1)
      try countLink(of: &beside, by: a.isDirectory ? 1 : -1)
    }
    try touch(first.parent, linkCount: above.linkCount)
    if first.parent != second.parent { try touch(second.parent, linkCount: beside.linkCount) }
    for number in [a.number, b.number] {
      var changed = try inode(number)
      changed.changeTime = .now()
      try write(changed)
    }
  }
}
