import CFuse
import SystemPackage

extension FuseServer {
  func lookup(
    _ name: [UInt8], in parent: fuse_ino_t, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    let found = try fileSystem.lookup(name, in: Self.inodeNumber(parent), resources)
    // Inode 0: there is no such name, and the kernel may remember that.
    var entry = fuse_entry_param()
    entry.entry_timeout = fileSystem.foldsNames ? 0 : Self.timeout
    request.answer(entry: found.map { Self.entry($0) } ?? entry)
  }

  func makeNode(
    _ name: [UInt8], in parent: fuse_ino_t, mode: UInt32, device: UInt64, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let new = NewInode(
      mode: UInt16(truncatingIfNeeded: mode), user: request.caller.user, group: request.caller.group,
      umask: request.umask, device: device)
    try create(name, in: parent, new, &request, resources)
  }

  func makeDirectory(
    _ name: [UInt8], in parent: fuse_ino_t, mode: UInt32, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let new = NewInode(
      mode: UInt16(truncatingIfNeeded: mode) & 0o7777 | 0o040000, user: request.caller.user,
      group: request.caller.group, umask: request.umask)
    try create(name, in: parent, new, &request, resources)
  }

  func makeSymbolicLink(
    _ name: [UInt8], in parent: fuse_ino_t, target: [UInt8], _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    guard !target.isEmpty else { throw .noSuchFileOrDirectory }
    let new = NewInode(
      mode: 0o120777, user: request.caller.user, group: request.caller.group, target: target)
    try create(name, in: parent, new, &request, resources)
  }

  private func create(
    _ name: [UInt8], in parent: fuse_ino_t, _ new: NewInode, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let found = try fileSystem.create(name, in: Self.inodeNumber(parent), new, resources)
    request.answer(entry: Self.entry(found))
  }

  func link(
    _ node: fuse_ino_t, as name: [UInt8], in parent: fuse_ino_t, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let found = try fileSystem.link(
      Self.inodeNumber(node), as: name, in: Self.inodeNumber(parent), resources)
    request.answer(entry: Self.entry(found))
  }

  func unlink(
    _ name: [UInt8], in parent: fuse_ino_t, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    try fileSystem.unlink(name, in: Self.inodeNumber(parent), resources)
    request.succeed()
  }

  func removeDirectory(
    _ name: [UInt8], in parent: fuse_ino_t, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    try fileSystem.removeDirectory(name, in: Self.inodeNumber(parent), resources)
    request.succeed()
  }

  func rename(
    _ name: [UInt8], in parent: fuse_ino_t, to newName: [UInt8], in newParent: fuse_ino_t, flags: UInt32,
    _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    try fileSystem.rename(
      Metadata.Place(parent: Self.inodeNumber(parent), name: name),
      to: Metadata.Place(parent: Self.inodeNumber(newParent), name: newName), flags: flags, resources)
    request.succeed()
  }

  func readLink(_ node: fuse_ino_t, _ request: inout FuseRequest, _ resources: ServingResources) throws(Errno)
  {
    let number = try Self.inodeNumber(node)
    let target = try fileSystem.symbolicLinkTarget(number, resources)
    let inode = fileSystem.openInode(number)
    // The kernel keeps what it has read, so that this is rare.
    fileSystem.expectAccess(inode)
    try fileSystem.noteAccess(inode, resources)
    request.answer(linkTarget: target)
  }
}
