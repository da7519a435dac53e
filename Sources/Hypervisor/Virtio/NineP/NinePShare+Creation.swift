import CLinux
import HostSystem
import SystemPackage

/// Making files that belong to whom the guest says, with the mode that it says, as far as ``NinePSecurity`` lets them.
extension NinePShare {
  /// The owner of a new file; nil and 2^32-1 leave it to the host.
  struct Owner {
    var user: UInt32?
    var group: UInt32
  }

  /// Creates a regular file and opens it with `flags` of open(2).
  ///
  /// - Throws: EEXIST where the name is taken, by whatever.
  func createFile(
    _ name: FileName, in directory: NinePNode, flags: Int32, mode: UInt32, owner: Owner
  ) throws(Errno) -> NinePNode {
    guard !directory.isSealed else { throw .permissionDenied }
    // O_DIRECTORY forbids creation, and there is nothing to truncate.
    let creation = (flags & ~LINUX_O_DIRECTORY) | LINUX_O_CREAT | LINUX_O_EXCL
    let created = try DirectoryFiles.open(
      name, in: directory.number, flags: creation,
      mode: security == .mapped ? 0o600 : mode & security.keptPermissions)
    do throws(Errno) {
      let node = try node(adopting: created, above: directory)
      try give(node, to: owner, mode: NinePMode.regular | mode & NinePMode.permissions)
      return node
    } catch {
      // Half made is not made; the first error is the one to tell.
      try? DirectoryFiles.remove(name, in: directory.number, isDirectory: false)
      throw error
    }
  }

  /// Creates a directory.
  func createDirectory(
    _ name: FileName, in directory: NinePNode, mode: UInt32, owner: Owner
  ) throws(Errno) -> NinePNode {
    let permissions = security == .mapped ? 0o700 : mode & security.keptPermissions
    try DirectoryFiles.makeDirectory(name, in: directory.number, mode: permissions)
    return try adoptNew(
      name, in: directory, .directory, mode: NinePMode.directory | mode & NinePMode.permissions, owner: owner)
  }

  /// Creates a symbolic link.
  func createSymbolicLink(
    _ name: FileName, in directory: NinePNode, target: FileName, owner: Owner
  ) throws(Errno) -> NinePNode {
    if security == .mapped {
      // The host has no attributes of links.
      return try createStandIn(
        name, in: directory, mode: NinePMode.symbolicLink | 0o777, owner: owner, target: target)
    }
    try DirectoryFiles.makeSymbolicLink(name, in: directory.number, to: target)
    return try adoptNew(name, in: directory, .symbolicLink, mode: nil, owner: owner)
  }

  /// Creates a FIFO or a socket, which the guest's kernel alone gives a meaning: the server never opens one. Where modes are
  /// mapped, it may be a device: a regular file of the host's stands for it.
  ///
  /// - Parameter deviceNumber: as stat(2) has it; nil for other kinds of files.
  /// - Throws: EPERM for a device where modes are not mapped.
  func createSpecial(
    _ name: FileName, in directory: NinePNode, mode: UInt32, deviceNumber: UInt64?, owner: Owner
  ) throws(Errno) -> NinePNode {
    if security == .mapped {
      return try createStandIn(
        name, in: directory, mode: mode, owner: owner, target: nil, deviceNumber: deviceNumber)
    }
    guard deviceNumber == nil else { throw .notPermitted }
    try DirectoryFiles.makeNode(
      name, in: directory.number, mode: mode & NinePMode.typeMask | mode & security.keptPermissions)
    return try adoptNew(name, in: directory, .special, mode: mode, owner: owner)
  }

  /// Creates a regular file that stands for something else.
  ///
  /// - Parameters:
  ///   - mode: with its type.
  ///   - target: what a symbolic link leads to.
  private func createStandIn(
    _ name: FileName, in directory: NinePNode, mode: UInt32, owner: Owner,
    target: FileName?, deviceNumber: UInt64? = nil
  ) throws(Errno) -> NinePNode {
    guard !directory.isSealed else { throw .permissionDenied }
    let created = try DirectoryFiles.open(
      name, in: directory.number, flags: LINUX_O_CREAT | LINUX_O_EXCL | O_WRONLY, mode: 0o600)
    do throws(Errno) {
      if let target {
        let done = try DescriptorBytes.write(created.rawValue, target.utf8.span)
        guard done == target.byteCount else { throw .noSpace }
      }
      var mapped = NinePMappedStatus(owner)
      mapped.mode = mode & (NinePMode.typeMask | NinePMode.permissions)
      mapped.deviceNumber = deviceNumber
      try mapped.store(created.rawValue)
      return try node(adopting: created, above: directory)
    } catch {
      // Half made is not made; the first error is the one to tell.
      try? DirectoryFiles.remove(name, in: directory.number, isDirectory: false)
      throw error
    }
  }

  /// Finds what was just created and hands it to its owner.
  ///
  /// Some process of the host may have put something else there since. What is not of this kind, or not the server's own,
  /// is left alone (ESTALE).
  private func adoptNew(
    _ name: FileName, in directory: NinePNode, _ kind: NinePNode.Kind, mode: UInt32?, owner: Owner
  ) throws(Errno) -> NinePNode {
    do throws(Errno) {
      let node = try find(name, in: directory)
      guard node.kind == kind, try node.hostStatus().user == linux_effective_user() else {
        throw .staleNFSFileHandle
      }
      try give(node, to: owner, mode: mode)
      return node
    } catch  where error != .staleNFSFileHandle {
      try? DirectoryFiles.remove(name, in: directory.number, isDirectory: kind == .directory)
      throw error
    }
  }

  /// Sets owner and mode where they differ: the mode second, because a change of owner clears bits of it, and the umask of
  /// this process has cleared others.
  ///
  /// - Parameter mode: with its type; nil for a symbolic link.
  private func give(_ node: NinePNode, to owner: Owner, mode: UInt32?) throws(Errno) {
    if security == .mapped {
      var mapped = NinePMappedStatus(owner)
      mapped.mode = mode
      return try mapped.store(node.number)
    }
    let status = try node.status()
    let user = owner.user ?? status.user
    let group = owner.group == NinePProtocol.noUser ? status.group : owner.group
    let changesOwner = isPrivileged && (user != status.user || group != status.group)
    if changesOwner { try check(linux_change_owner(node.number, user, group)) }
    guard let mode else { return }
    let permissions = mode & security.keptPermissions
    if changesOwner || permissions != status.mode & NinePMode.permissions {
      try check(linux_change_mode(descriptors.rawValue, node.number, permissions))
    }
  }
}

extension NinePMappedStatus {
  /// What a new file of `owner` gets.
  fileprivate init(_ owner: NinePShare.Owner) {
    self.init()
    user = owner.user
    group = owner.group == NinePProtocol.noUser ? nil : owner.group
  }
}
