import CLinux
import HostSystem
import SystemPackage

/// Making files that belong to whom the guest says, with the mode that it says.
extension NinePShare {
  /// Whom a new file belongs to: nil and 2^32-1 leave it to the host.
  struct Owner {
    var user: UInt32?
    var group: UInt32
  }

  /// Creates a regular file and opens it with `flags` of open(2).
  ///
  /// - Throws: EEXIST where the name is taken, by whatever.
  func createFile(
    _ name: UnsafePointer<CChar>, in directory: NinePNode, flags: Int32, mode: UInt32, owner: Owner
  ) throws(Errno) -> NinePNode {
    guard !directory.isSealed else { throw .permissionDenied }
    // O_DIRECTORY forbids creation, and there is nothing to truncate.
    let creation = (flags & ~LINUX_O_DIRECTORY) | LINUX_O_CREAT | LINUX_O_EXCL
    let created = try unsafe OwnedDescriptor(
      adopting: check(
        linux_open_beneath(directory.number, name, creation, mode & NinePMode.permissions)))
    do throws(Errno) {
      let node = try NinePNode(adopting: created, above: directory)
      try give(node, to: owner, mode: mode)
      return node
    } catch {
      // Half made is not made; the first error is the one to tell.
      _ = unsafe linux_unlink_in(directory.number, name, 0)
      throw error
    }
  }

  /// Creates a directory.
  func createDirectory(
    _ name: UnsafePointer<CChar>, in directory: NinePNode, mode: UInt32, owner: Owner
  ) throws(Errno) -> NinePNode {
    try check(unsafe linux_make_directory(directory.number, name, mode & NinePMode.permissions))
    return try unsafe adoptNew(name, in: directory, .directory, mode: mode, owner: owner)
  }

  /// Creates a symbolic link.
  func createSymbolicLink(
    _ name: UnsafePointer<CChar>, in directory: NinePNode, target: UnsafePointer<CChar>, owner: Owner
  ) throws(Errno) -> NinePNode {
    try check(unsafe linux_make_symbolic_link(target, directory.number, name))
    return try unsafe adoptNew(name, in: directory, .symbolicLink, mode: nil, owner: owner)
  }

  /// Creates a FIFO or a socket, which the guest's kernel alone gives a meaning: the server never opens one.
  func createSpecial(
    _ name: UnsafePointer<CChar>, in directory: NinePNode, mode: UInt32, owner: Owner
  ) throws(Errno) -> NinePNode {
    try check(
      unsafe linux_make_node(directory.number, name, mode & (NinePMode.typeMask | NinePMode.permissions)))
    return try unsafe adoptNew(name, in: directory, .special, mode: mode, owner: owner)
  }

  /// Finds what was just created and hands it to its owner.
  ///
  /// Some process of the host may have put something else there since. What is not of this kind, or not the server's own,
  /// is left alone (ESTALE).
  private func adoptNew(
    _ name: UnsafePointer<CChar>, in directory: NinePNode, _ kind: NinePNode.Kind, mode: UInt32?, owner: Owner
  ) throws(Errno) -> NinePNode {
    do throws(Errno) {
      let node = try unsafe find(name, in: directory)
      guard node.kind == kind, try node.status().user == linux_effective_user() else {
        throw .staleNFSFileHandle
      }
      try give(node, to: owner, mode: mode)
      return node
    } catch  where error != .staleNFSFileHandle {
      _ = unsafe linux_unlink_in(directory.number, name, kind == .directory ? 1 : 0)
      throw error
    }
  }

  /// Sets owner and mode where they differ: the mode second, because a change of owner clears bits of it, and the umask of
  /// this process has cleared others.
  private func give(_ node: NinePNode, to owner: Owner, mode: UInt32?) throws(Errno) {
    let status = try node.status()
    let user = owner.user ?? status.user
    let group = owner.group == NinePProtocol.noUser ? status.group : owner.group
    let changesOwner = isPrivileged && (user != status.user || group != status.group)
    if changesOwner { try check(linux_change_owner(node.number, user, group)) }
    guard let mode else { return }
    let permissions = mode & NinePMode.permissions
    if changesOwner || permissions != status.mode & NinePMode.permissions {
      try check(linux_change_mode(descriptors.rawValue, node.number, permissions))
    }
  }
}
