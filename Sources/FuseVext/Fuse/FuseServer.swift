import CFuse
import Synchronization
import SystemPackage

/// Answers the kernel's requests from a ``FileSystem``.
///
/// ``FuseDispatch`` calls its methods on the thread that took the request.
final class FuseServer: Sendable {
  let fileSystem: FileSystem
  /// Every open file goes past the kernel's cache.
  let isDirect: Bool
  /// Every caller may do everything.
  let fakesRoot: Bool
  /// The negotiation of FUSE's INIT between the kernel and this server.
  let negotiation: FuseInitNegotiation
  /// The descriptor of /dev/fuse while the file system is mounted.
  let device = Atomic<Int32>(-1)

  /// Time in seconds for which the kernel may cache names and attributes, because no other writer changes the file
  /// system.
  static let timeout = 3600.0

  /// Bytes that the kernel may read ahead: several of the longest requests, so that the device and the copies to the cache overlap.
  static let readaheadByteCount = 4 << 20

  init(fileSystem: FileSystem, isDirect: Bool, fakesRoot: Bool = false, usesRings: Bool = false) {
    self.fileSystem = fileSystem
    negotiation = FuseInitNegotiation(usesRings: usesRings)
    self.isDirect = isDirect
    self.fakesRoot = fakesRoot
  }

  // MARK: Numbers

  /// The kernel calls the root 1; ext4 calls it 2, and its inode 1 has no name.
  static func inodeNumber(_ node: fuse_ino_t) throws(Errno) -> UInt32 {
    if node == fuse_ino_t(FUSE_ROOT_ID) { return FileSystem.root }
    guard let number = UInt32(exactly: node), number > 2 else { throw .staleNFSFileHandle }
    return number
  }

  /// The answer about a name.
  static func entry(_ found: FileSystem.Found) -> fuse_entry_param {
    fuse_entry_param(
      ino: fuse_ino_t(found.number), generation: UInt64(found.generation), attr: found.attributes,
      attr_timeout: timeout,
      entry_timeout: found.isOnlyName ? timeout : 0)
  }

  // MARK: Open files

  /// Whether the kernel keeps nothing of what goes through a descriptor with these flags of open(2).
  func bypassesCache(_ flags: Int32) -> Bool { isDirect || flags & OpenFlag.direct != 0 }

  /// The flags that decide how the kernel treats an open file.
  func openFlags(_ flags: Int32) -> UInt32 {
    let noFlush = UInt32(FOPEN_NOFLUSH)
    let isDirectDescriptor =
      flags & OpenFlag.direct != 0 && negotiation.flags.contains(.directIOAllowsMapping)
    // Before Linux 6.6 a file with FOPEN_DIRECT_IO cannot be mapped with MAP_SHARED, and its writes leave stale pages behind.
    // The kernel's own O_DIRECT does neither.
    guard isDirect || isDirectDescriptor else { return UInt32(FOPEN_KEEP_CACHE) | noFlush }
    return UInt32(FOPEN_DIRECT_IO) | UInt32(CFUSE_OPEN_PARALLEL_DIRECT_WRITES) | noFlush
  }
}
