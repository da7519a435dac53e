/// A file system that `bench fs` mounts on images of the host.
enum HostFileSystem: String, CaseIterable, Codable, Sendable {
  /// Our file system in FUSE.
  case fuseVext = "fuse-vext"
  /// The same, whose requests come by io_uring.
  case fuseVextRing = "fuse-vext-io_uring"
  /// The same, which reads requests from /dev/fuse.
  case fuseVextRead = "fuse-vext-read"
  /// The same over the host's page cache.
  case fuseVextCached = "fuse-vext-cached"
  /// The kernel's ext4 on a loop device that opens the image with `O_DIRECT`.
  case ext4
  /// The kernel's ext4 on a loop device over the host's page cache.
  case ext4Cached = "ext4-cached"
  /// The file system in FUSE of e2fsprogs.
  case fuse2fs

  /// Whether a program serves it through /dev/fuse.
  var usesFUSE: Bool {
    switch self {
    case .fuseVext, .fuseVextRing, .fuseVextRead, .fuseVextCached, .fuse2fs: true
    case .ext4, .ext4Cached: false
    }
  }

  /// Whether it is ours.
  var isFuseVext: Bool { usesFUSE && self != .fuse2fs }

  /// The options of its mount, in the words of its program.
  var options: [String] {
    switch self {
    case .fuseVextRing: ["-o", "io_uring"]
    case .fuseVextRead: ["-o", "read"]
    case .fuseVextCached: ["-o", "page_cache"]
    case .fuseVext, .ext4, .ext4Cached, .fuse2fs: []
    }
  }
}
