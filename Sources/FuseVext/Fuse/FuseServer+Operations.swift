import CFuse
import SystemPackage

/// The session: its beginning, and the answers that the kernel forgets.
extension FuseServer {
  /// Asks the kernel for what this server needs, and turns off what it does not want.
  func negotiate(_ connection: inout fuse_conn_info) {
    // Pipes would copy what goes straight from and to the device's memory. The kernel itself truncates on open and takes
    // set-user-ID bits away; nobody but it changes data, so it need not compare times to keep its cache.
    let unwanted =
      FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_ATOMIC_O_TRUNC
      | FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE
    connection.want &= ~UInt32(unwanted)
    let wanted =
      FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS
    connection.want |= UInt32(wanted) & connection.capable
    // Lists turn the kernel's checks on, and a directory's list decides whether the umask counts.
    if fileSystem.attributeSupport.contains(.accessControlLists), !fakesRoot {
      connection.want |= UInt32(FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK) & connection.capable
    }
    connection.max_write = UInt32(ServingResources.transferByteCount)
    connection.max_readahead = UInt32(Self.readaheadByteCount)
    connection.max_background = 64
    connection.congestion_threshold = 48
    connection.time_gran = 1
  }

  /// Drops answers that named inodes: `count` of each.
  func forget(
    _ answers: [(node: fuse_ino_t, count: UInt64)], _ request: inout FuseRequest,
    _ resources: ServingResources
  ) {
    for (node, count) in answers {
      // The kernel waits for no answer, so that an error cannot be returned; the file system has recorded it.
      do throws(Errno) {
        try fileSystem.forget(try Self.inodeNumber(node), count: count, resources)
      } catch {}
    }
    request.answerNothing()
  }
}
