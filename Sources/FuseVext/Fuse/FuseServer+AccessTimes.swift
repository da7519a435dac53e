import CFuse
import Glibc
import Synchronization
import SystemPackage

/// Reads that set the time of access: those that the kernel asks for, and openings that let it read from its cache.
extension FuseServer {
  /// Prepares for the reads of a file that is being opened.
  ///
  /// The kernel answers reads of what it has in its cache itself. So where it may have something, opening for reading alone counts
  /// as a read, and the attributes that the kernel keeps are old.
  func noteOpening(_ inode: OpenInode, _ node: fuse_ino_t, _ flags: Int32, _ resources: ServingResources)
    throws(Errno)
  {
    fileSystem.expectAccess(inode)
    // Tools that read a file's flags open it with O_NONBLOCK; the kernel itself, for them, without O_LARGEFILE.
    guard flags & O_ACCMODE == O_RDONLY, flags & OpenFlag.large != 0,
      flags & (OpenFlag.nonBlocking | OpenFlag.noAccessTime) == 0,
      openFlags(flags) & UInt32(FOPEN_DIRECT_IO) == 0, fileSystem.mayBeCached(inode)
    else { return }
    try noteCachedAccess(inode, node, resources)
  }

  /// As ``noteOpening(_:_:_:_:)``, for a directory.
  func noteOpening(
    ofDirectory inode: OpenInode, _ node: fuse_ino_t, _ flags: Int32, _ resources: ServingResources
  ) throws(Errno) {
    fileSystem.expectAccess(inode)
    guard flags & OpenFlag.noAccessTime == 0, inode.wasListed.load(ordering: .relaxed) else { return }
    try noteCachedAccess(inode, node, resources)
  }

  private func noteCachedAccess(_ inode: OpenInode, _ node: fuse_ino_t, _ resources: ServingResources)
    throws(Errno)
  {
    let before = fileSystem.pendingAccessTime(of: inode)
    try fileSystem.noteAccess(inode, resources)
    if fileSystem.pendingAccessTime(of: inode) != before { forgetAttributes(of: node) }
  }

  /// Call after a directory was listed.
  func noteListing(_ node: fuse_ino_t, _ flags: Int32, _ resources: ServingResources) throws(Errno) {
    let inode = fileSystem.openInode(try Self.inodeNumber(node))
    inode.wasListed.store(true, ordering: .relaxed)
    guard flags & OpenFlag.noAccessTime == 0 else { return }
    try fileSystem.noteAccess(inode, resources)
  }
}

/// Flags of open(2) as the kernel passes them on (asm-generic/fcntl.h): what the macros say depends on who includes the headers
/// first.
enum OpenFlag {
  static let nonBlocking: Int32 = 0o4000
  static let dataSynchronous: Int32 = 0o10000
  static let direct: Int32 = 0o40000
  static let large: Int32 = 0o100000
  static let noAccessTime: Int32 = 0o1000000
  /// The bit of `O_SYNC` that `O_DSYNC` lacks.
  static let synchronous: Int32 = 0o4000000
}
