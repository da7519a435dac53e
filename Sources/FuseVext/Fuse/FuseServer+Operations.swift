import CFuse
import Glibc
import SystemPackage

extension FuseServer {
  /// The functions that libfuse calls.
  static var operations: fuse_lowlevel_ops {
    var operations = fuse_lowlevel_ops()
    addSession(&operations)
    addNames(&operations)
    addFiles(&operations)
    addAttributes(&operations)
    addDirectories(&operations)
    addIoctl(&operations)
    return operations
  }

  private static func addSession(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.`init` = { context, connection in
      guard let context = unsafe context, let connection = unsafe connection else { return }
      // SAFETY: the session's owner keeps the server alive.
      let server = unsafe Unmanaged<FuseServer>.fromOpaque(context).takeUnretainedValue()
      // Pipes would copy what goes straight from and to the device's memory. The kernel itself truncates on open and takes
      // set-user-ID bits away; nobody but it changes data, so it need not look at times to keep its cache.
      let unwanted =
        FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_ATOMIC_O_TRUNC
        | FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE
      unsafe connection.pointee.want &= ~UInt32(unwanted)
      let wanted =
        FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS
      unsafe connection.pointee.want |= UInt32(wanted) & connection.pointee.capable
      // Lists turn the kernel's checks on, and a directory's list decides whether the umask counts.
      if server.fileSystem.attributeSupport.contains(.accessControlLists), !server.fakesRoot {
        unsafe connection.pointee.want |=
          UInt32(FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK) & connection.pointee.capable
      }
      unsafe connection.pointee.max_write = UInt32(Worker.transferByteCount)
      unsafe connection.pointee.max_readahead = UInt32(Worker.transferByteCount)
      unsafe connection.pointee.max_background = 64
      unsafe connection.pointee.congestion_threshold = 48
      unsafe connection.pointee.time_gran = 1
    }
    unsafe operations.forget = { handle, node, count in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        server.forget(node, count, worker)
        request.answerNothing()
      }
    }
    unsafe operations.forget_multi = { handle, count, forgets in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        if let forgets = unsafe forgets {
          for index in 0..<count { unsafe server.forget(forgets[index].ino, forgets[index].nlookup, worker) }
        }
        request.answerNothing()
      }
    }
    unsafe operations.statfs = { handle, _ in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        request.answer(statistics: try server.fileSystem.statistics(worker))
      }
    }
  }

  /// The kernel waits for no answer, so that an error cannot be returned; the file system has recorded it.
  private func forget(_ node: fuse_ino_t, _ count: UInt64, _ worker: Worker) {
    do throws(Errno) {
      try fileSystem.forget(try Self.inodeNumber(node), count: count, worker)
    } catch {}
  }
}
