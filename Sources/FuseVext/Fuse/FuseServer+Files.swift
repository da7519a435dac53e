import CFuse
import Glibc
import Synchronization
import SystemPackage

/// A file that a process has open.
struct OpenFile {
  let inode: OpenInode
  /// The flags of open(2), as the kernel has them now.
  let flags: Int32
}

extension FuseServer {
  func create(
    _ name: [UInt8], in parent: fuse_ino_t, mode: UInt32, flags: Int32, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let new = NewInode(
      mode: UInt16(truncatingIfNeeded: mode) & 0o7777 | 0o100000, user: request.caller.user,
      group: request.caller.group, umask: request.umask)
    let found = try fileSystem.create(name, in: Self.inodeNumber(parent), new, resources)
    let inode = fileSystem.openInode(found.number)
    request.answer(created: Self.entry(found), inode, flags: openFlags(flags))
  }

  func open(
    _ node: fuse_ino_t, flags: Int32, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    let inode = fileSystem.openInode(try Self.inodeNumber(node))
    try fileSystem.checkOpen(
      inode, forWriting: flags & O_ACCMODE != O_RDONLY, appends: flags & O_APPEND != 0, resources)
    try noteOpening(inode, node, flags, resources)
    request.answer(opened: inode, flags: openFlags(flags))
  }

  func release(_ file: OpenFile, _ request: inout FuseRequest, _ resources: ServingResources) throws(Errno) {
    if !fileSystem.isReadOnly {
      try fileSystem.trim(file.inode, resources)
      try fileSystem.commitRewritten(file.inode, resources)
    }
    request.succeed()
  }

  func read(
    _ file: OpenFile, offset: Int, byteCount: Int, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    guard offset >= 0 else { throw .invalidArgument }
    let bytes = try fileSystem.read(file.inode, offset: UInt64(offset), byteCount: byteCount, resources)
    if file.flags & OpenFlag.noAccessTime == 0 { try fileSystem.noteAccess(file.inode, resources) }
    request.answer(bytes)
  }

  func write(
    _ source: BlockMemory, to file: OpenFile, of node: fuse_ino_t, offset: Int,
    _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    guard offset >= 0 else { throw .invalidArgument }
    try prepareToWrite(file.inode, node, offset: UInt64(offset), flags: request.writeFlags, resources)
    // The kernel has what is delayed in its cache, but nothing of what goes past that.
    let written = try fileSystem.write(
      file.inode, offset: UInt64(offset), source, delays: !bypassesCache(file.flags), resources)
    try synchronize(file.inode, written: file.flags, resources)
    request.answer(written: written)
  }

  func changeSpace(
    of file: OpenFile, _ node: fuse_ino_t, mode: Int32, offset: Int, byteCount: Int,
    _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    guard offset >= 0, byteCount > 0 else { throw .invalidArgument }
    // linux/falloc.h: FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE.
    let operation: FileSystem.SpaceOperation
    switch mode {
    case 0, 1: operation = .allocate(keepsSize: mode == 1)
    case 3: operation = .punchHole
    case 0x10, 0x11: operation = .zeroRange(keepsSize: mode == 0x11)
    default: throw .notSupported
    }
    try prepareToChangeSpace(file.inode, node, operation, resources)
    try fileSystem.changeSpace(
      operation, of: file.inode, offset: UInt64(offset), byteCount: UInt64(byteCount), resources)
    try fileSystem.synchronizeIfAsked(file.inode, resources)
    request.succeed()
  }

  func seek(
    _ file: OpenFile, offset: Int, whence: Int32, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    // SEEK_DATA is 3, SEEK_HOLE 4.
    guard offset >= 0, whence == 3 || whence == 4 else { throw .invalidArgument }
    request.answer(
      position: try fileSystem.seek(file.inode, offset: UInt64(offset), toData: whence == 3, resources))
  }
}

extension FuseServer {
  /// Makes a write durable if its descriptor or the file asks for that.
  ///
  /// - Parameter flags: The descriptor's, with what `sync` mounts add. The kernel sends FSYNC after a write with `O_SYNC` or
  ///   `O_DSYNC`, but not for files that are open with `FOPEN_DIRECT_IO`.
  fileprivate func synchronize(_ inode: OpenInode, written flags: Int32, _ resources: ServingResources)
    throws(Errno)
  {
    let isSynchronous = flags & (OpenFlag.dataSynchronous | OpenFlag.synchronous) != 0
    if isSynchronous, openFlags(flags) & UInt32(FOPEN_DIRECT_IO) != 0 {
      try fileSystem.synchronize(inode, dataOnly: flags & OpenFlag.synchronous == 0, resources)
    } else if inode.isSynchronous.load(ordering: .relaxed) {
      try fileSystem.synchronize(inode, resources)
    }
  }
}

extension FuseServer {
  /// Refuses a write, or clears the bits and capabilities that must not outlive it.
  fileprivate func prepareToWrite(
    _ inode: OpenInode, _ node: fuse_ino_t, offset: UInt64, flags: UInt32, _ resources: ServingResources
  ) throws(Errno) {
    let origin: FileSystem.WriteOrigin =
      flags & UInt32(FUSE_WRITE_CACHE) != 0
      ? .mapping : .call(keepsSetID: flags & UInt32(FUSE_WRITE_KILL_SUIDGID) == 0)
    if try fileSystem.prepareToWrite(inode, offset: offset, origin, resources) { forgetAttributes(of: node) }
  }

  /// As ``prepareToWrite(_:_:offset:flags:_:)``, for fallocate(2), which may only add blocks to an append-only file.
  fileprivate func prepareToChangeSpace(
    _ inode: OpenInode, _ node: fuse_ino_t, _ operation: FileSystem.SpaceOperation,
    _ resources: ServingResources
  ) throws(Errno) {
    var offset: UInt64?
    if case .allocate = operation {} else { offset = 0 }
    if try fileSystem.prepareToWrite(inode, offset: offset, .call(keepsSetID: nil), resources) {
      forgetAttributes(of: node)
    }
  }
}

extension FileSystem {
  /// Refuses to open what its flags protect.
  fileprivate func checkOpen(
    _ inode: OpenInode, forWriting: Bool, appends: Bool, _ resources: ServingResources
  )
    throws(Errno)
  {
    if forWriting { try checkWritable() }
    guard forWriting || encrypts else { return }
    let record = try inspect(resources) { (metadata) throws(Errno) in try metadata.inode(inode.number) }
    if record.isEncrypted { throw .noKey }
    guard forWriting else { return }
    if record.isSealed { throw .notPermitted }
    if record.isImmutable || record.isAppendOnly && !appends { throw .notPermitted }
  }
}
