import CFuse
import Glibc
import Synchronization
import SystemPackage

extension FuseServer {
  static func addFiles(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.create = { handle, parent, text, mode, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let caller = request.caller
        let new = NewInode(
          mode: UInt16(truncatingIfNeeded: mode) & 0o7777 | 0o100000, user: caller.user, group: caller.group,
          umask: request.umask)
        let found = try unsafe server.fileSystem.create(
          name(text), in: FuseServer.inodeNumber(parent), new, worker)
        let file = FuseServer.handle(retaining: server.fileSystem.openInode(found.number))
        let flags = unsafe server.openFlags(info?.pointee.flags ?? 0)
        if !request.answer(created: FuseServer.entry(found), handle: file, flags: flags) {
          FuseServer.releaseHandle(file)
        }
      }
    }
    unsafe operations.open = { handle, node, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let inode = server.fileSystem.openInode(try FuseServer.inodeNumber(node))
        let flags = unsafe info?.pointee.flags ?? 0
        try server.fileSystem.checkOpen(
          inode, forWriting: flags & O_ACCMODE != O_RDONLY, appends: flags & O_APPEND != 0, worker)
        try server.noteOpening(inode, node, flags, worker)
        let file = FuseServer.handle(retaining: inode)
        if !request.answer(opened: file, flags: server.openFlags(flags)) { FuseServer.releaseHandle(file) }
      }
    }
    unsafe operations.release = { handle, _, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let inode = try unsafe FuseServer.file(info)
        let number = unsafe info?.pointee.fh ?? 0
        defer { FuseServer.releaseHandle(number) }
        if !server.fileSystem.isReadOnly { try server.fileSystem.trim(inode, worker) }
        request.succeed()
      }
    }
    unsafe operations.read = { handle, _, byteCount, offset, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        guard offset >= 0 else { throw .invalidArgument }
        let inode = try unsafe FuseServer.file(info)
        let bytes = try unsafe server.fileSystem.read(
          inode, offset: UInt64(offset), byteCount: byteCount, worker)
        if unsafe !FuseServer.keepsAccessTime(info) { try server.fileSystem.noteAccess(inode, worker) }
        unsafe request.answer(UnsafeRawBufferPointer(bytes))
      }
    }
    unsafe operations.write = { handle, node, bytes, byteCount, offset, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        guard offset >= 0 else { throw .invalidArgument }
        // SAFETY: the payload lies in the worker's own receive buffer; a write does not change it.
        let source = unsafe UnsafeMutableRawBufferPointer(
          start: UnsafeMutableRawPointer(mutating: bytes), count: byteCount)
        let inode = try unsafe FuseServer.file(info)
        try server.prepareToWrite(inode, node, offset: UInt64(offset), flags: request.writeFlags, worker)
        let written = try unsafe server.fileSystem.write(inode, offset: UInt64(offset), source, worker)
        try server.synchronize(inode, written: unsafe info?.pointee.flags ?? 0, worker)
        request.answer(written: written)
      }
    }
    unsafe operations.fsync = { handle, _, dataOnly, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        try unsafe server.fileSystem.synchronize(FuseServer.file(info), dataOnly: dataOnly != 0, worker)
        request.succeed()
      }
    }
    unsafe operations.fallocate = { handle, node, mode, offset, byteCount, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        guard offset >= 0, byteCount > 0 else { throw .invalidArgument }
        // linux/falloc.h: FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE.
        let operation: FileSystem.SpaceOperation
        switch mode {
        case 0, 1: operation = .allocate(keepsSize: mode == 1)
        case 3: operation = .punchHole
        case 0x10, 0x11: operation = .zeroRange(keepsSize: mode == 0x11)
        default: throw .notSupported
        }
        let inode = try unsafe FuseServer.file(info)
        try server.prepareToChangeSpace(inode, node, operation, worker)
        try server.fileSystem.changeSpace(
          operation, of: inode, offset: UInt64(offset), byteCount: UInt64(byteCount), worker)
        try server.fileSystem.synchronizeIfAsked(inode, worker)
        request.succeed()
      }
    }
    unsafe operations.lseek = { handle, _, offset, whence, info in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        // SEEK_DATA is 3, SEEK_HOLE 4.
        guard offset >= 0, whence == 3 || whence == 4 else { throw .invalidArgument }
        request.answer(
          position: try unsafe server.fileSystem.seek(
            FuseServer.file(info), offset: UInt64(offset), toData: whence == 3, worker))
      }
    }
  }
}

extension FuseServer {
  /// Makes a write durable if its descriptor or the file asks for that.
  ///
  /// - Parameter flags: The descriptor's, with what `sync` mounts add. The kernel sends FSYNC after a write with `O_SYNC` or
  ///   `O_DSYNC`, but not for files that are open with `FOPEN_DIRECT_IO`.
  fileprivate func synchronize(_ inode: OpenInode, written flags: Int32, _ worker: Worker) throws(Errno) {
    let isSynchronous = flags & (OpenFlag.dataSynchronous | OpenFlag.synchronous) != 0
    if isSynchronous, openFlags(flags) & UInt32(FOPEN_DIRECT_IO) != 0 {
      try fileSystem.synchronize(inode, dataOnly: flags & OpenFlag.synchronous == 0, worker)
    } else if inode.isSynchronous.load(ordering: .relaxed) {
      try fileSystem.synchronize(inode, worker)
    }
  }
}

extension FuseServer {
  /// Refuses a write, or clears the bits and capabilities that must not outlive it.
  fileprivate func prepareToWrite(
    _ inode: OpenInode, _ node: fuse_ino_t, offset: UInt64, flags: UInt32, _ worker: Worker
  ) throws(Errno) {
    let origin: FileSystem.WriteOrigin =
      flags & UInt32(FUSE_WRITE_CACHE) != 0
      ? .mapping : .call(keepsSetID: flags & UInt32(FUSE_WRITE_KILL_SUIDGID) == 0)
    if try fileSystem.prepareToWrite(inode, offset: offset, origin, worker) { forgetAttributes(of: node) }
  }

  /// As ``prepareToWrite(_:_:offset:flags:_:)``, for fallocate(2), which may only add blocks to an append-only file.
  fileprivate func prepareToChangeSpace(
    _ inode: OpenInode, _ node: fuse_ino_t, _ operation: FileSystem.SpaceOperation, _ worker: Worker
  ) throws(Errno) {
    var offset: UInt64?
    if case .allocate = operation {} else { offset = 0 }
    if try fileSystem.prepareToWrite(inode, offset: offset, .call(keepsSetID: nil), worker) {
      forgetAttributes(of: node)
    }
  }
}

extension FileSystem {
  /// Refuses to open what its flags protect.
  fileprivate func checkOpen(_ inode: OpenInode, forWriting: Bool, appends: Bool, _ worker: Worker)
    throws(Errno)
  {
    if forWriting { try checkWritable() }
    guard forWriting || encrypts else { return }
    let record = try inspect(worker) { (metadata) throws(Errno) in try metadata.inode(inode.number) }
    if record.isEncrypted { throw .noKey }
    guard forWriting else { return }
    if record.isSealed { throw .notPermitted }
    if record.isImmutable || record.isAppendOnly && !appends { throw .notPermitted }
  }
}
