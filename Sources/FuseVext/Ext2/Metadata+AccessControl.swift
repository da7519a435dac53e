import CExt2
import Glibc
import SystemPackage

extension Inode {
  /// Changes the nine bits of permissions.
  mutating func setPermissions(_ permissions: UInt16) { mode = mode & ~0o777 | permissions & 0o777 }
}

/// Access control lists and modes, which change together.
extension Metadata {
  /// The lists of a new file that its mode does not express.
  struct NewLists {
    var access: AccessControlList?
    var defaults: AccessControlList?
  }

  /// The list that controls access to a file; nil if its mode does alone.
  func accessList(of inode: Inode) throws(Errno) -> AccessControlList? {
    guard usesAccessControlLists, !inode.isSymbolicLink,
      let bytes = try attributeIfPresent(.accessList, of: inode)
    else { return nil }
    return try AccessControlList(disk: bytes)
  }

  private func defaultList(of directory: Inode) throws(Errno) -> AccessControlList? {
    guard usesAccessControlLists, let bytes = try attributeIfPresent(.defaultList, of: directory) else {
      return nil
    }
    return try AccessControlList(disk: bytes)
  }

  // MARK: New files

  /// Adapts a new file to its directory: its mode, and the access control lists that it inherits.
  func adapted(_ new: NewInode, to directory: Inode) throws(Errno) -> (NewInode, NewLists) {
    var new = new
    var lists = NewLists()
    let isDirectory = new.mode & UInt16(S_IFMT) == UInt16(S_IFDIR)
    if !isDirectory, directory.mode & UInt16(S_ISGID) != 0, mustLoseGroupID(new.mode, group: directory.group),
      new.mode & UInt16(S_IXGRP) != 0
    {
      new.mode &= ~UInt16(S_ISGID)
    }
    guard new.mode & UInt16(S_IFMT) != UInt16(S_IFLNK) else { return (new, lists) }
    guard let defaults = try defaultList(of: directory) else {
      new.mode &= ~(new.umask & 0o777)
      return (new, lists)
    }
    let access = defaults.inherited(byMode: new.mode)
    new.mode = new.mode & ~0o777 | access.permissions
    if access.isExtended { lists.access = access }
    if isDirectory { lists.defaults = defaults }
    return (new, lists)
  }

  /// Stores what ``adapted(_:to:)`` has found for a file that has no name yet.
  mutating func store(_ lists: NewLists, for inode: inout Inode) throws(Errno) {
    if let access = lists.access { try set(.accessList, to: access, of: inode.number) }
    if let defaults = lists.defaults { try set(.defaultList, to: defaults, of: inode.number) }
    if lists.access != nil || lists.defaults != nil { inode = try self.inode(inode.number) }
  }

  /// Whether the caller may not give a file of a group the set-group-ID bit.
  func mustLoseGroupID(_ mode: UInt16, group: UInt32) -> Bool {
    mode & UInt16(S_ISGID) != 0 && !caller.isMember(of: group) && !caller.has(.keepSetID)
  }

  // MARK: Changes

  /// Sets or removes an access control list on behalf of a request.
  mutating func setList(_ name: AttributeName, to list: AccessControlList?, of number: UInt32) throws(Errno) {
    var inode = try inode(number)
    guard !inode.isSymbolicLink else { throw .notSupported }
    guard inode.user == caller.user || caller.has(.fileOwner) else { throw .notPermitted }
    var stored = list
    if name == .defaultList {
      guard list == nil || inode.isDirectory else { throw .permissionDenied }
    } else if let list {
      inode.setPermissions(list.permissions)
      if mustLoseGroupID(inode.mode, group: inode.group) { inode.mode &= ~UInt16(S_ISGID) }
      if !list.isExtended { stored = nil }
    }
    if let stored {
      try set(name, to: stored, of: number)
    } else if try attributeIfPresent(name, of: inode) != nil {
      try removeAttribute(name, of: number)
    }
    // The attribute may have changed other fields.
    var changed = try self.inode(number)
    changed.mode = inode.mode
    changed.changeTime = .now()
    try write(changed)
  }

  /// Makes a file's list say what its new mode says.
  mutating func changeList(of inode: inout Inode, toMode mode: UInt16) throws(Errno) {
    guard let list = try accessList(of: inode) else { return }
    try set(.accessList, to: list.changed(toMode: mode), of: inode.number)
    inode = try self.inode(inode.number)
  }

  private mutating func set(
    _ name: AttributeName, to list: AccessControlList, of number: UInt32
  ) throws(Errno) {
    try setAttribute(name, to: list.diskBytes, of: number)
  }
}
