import CFuse
import Glibc
import SystemPackage

extension FuseServer {
  static func addNames(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.lookup = { handle, parent, text in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let found = try unsafe server.fileSystem.lookup(
          name(text), in: FuseServer.inodeNumber(parent), worker)
        // Inode 0: there is no such name, and the kernel may remember that.
        var entry = fuse_entry_param()
        entry.entry_timeout = server.fileSystem.foldsNames ? 0 : FuseServer.timeout
        request.answer(entry: found.map { FuseServer.entry($0) } ?? entry)
      }
    }
    unsafe operations.mknod = { handle, parent, text, mode, device in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let caller = request.caller
        let new = NewInode(
          mode: UInt16(truncatingIfNeeded: mode), user: caller.user, group: caller.group,
          umask: request.umask, device: UInt64(device))
        let found = try unsafe server.fileSystem.create(
          name(text), in: FuseServer.inodeNumber(parent), new, worker)
        request.answer(entry: FuseServer.entry(found))
      }
    }
    unsafe operations.mkdir = { handle, parent, text, mode in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let caller = request.caller
        let new = NewInode(
          mode: UInt16(truncatingIfNeeded: mode) & 0o7777 | 0o040000, user: caller.user, group: caller.group,
          umask: request.umask)
        let found = try unsafe server.fileSystem.create(
          name(text), in: FuseServer.inodeNumber(parent), new, worker)
        request.answer(entry: FuseServer.entry(found))
      }
    }
    unsafe operations.symlink = { handle, target, parent, text in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let caller = request.caller
        let new = unsafe NewInode(
          mode: 0o120777, user: caller.user, group: caller.group, target: name(target))
        guard !new.target.isEmpty else { throw .noSuchFileOrDirectory }
        let found = try unsafe server.fileSystem.create(
          name(text), in: FuseServer.inodeNumber(parent), new, worker)
        request.answer(entry: FuseServer.entry(found))
      }
    }
    unsafe operations.link = { handle, node, parent, text in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let found = try unsafe server.fileSystem.link(
          FuseServer.inodeNumber(node), as: name(text), in: FuseServer.inodeNumber(parent), worker)
        request.answer(entry: FuseServer.entry(found))
      }
    }
    unsafe operations.unlink = { handle, parent, text in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        try unsafe server.fileSystem.unlink(name(text), in: FuseServer.inodeNumber(parent), worker)
        request.succeed()
      }
    }
    unsafe operations.rmdir = { handle, parent, text in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        try unsafe server.fileSystem.removeDirectory(name(text), in: FuseServer.inodeNumber(parent), worker)
        request.succeed()
      }
    }
    unsafe operations.rename = { handle, parent, text, newParent, newText, flags in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        try unsafe server.fileSystem.rename(
          Metadata.Place(parent: FuseServer.inodeNumber(parent), name: name(text)),
          to: Metadata.Place(parent: FuseServer.inodeNumber(newParent), name: name(newText)), flags: flags,
          worker)
        request.succeed()
      }
    }
    unsafe operations.readlink = { handle, node in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let number = try FuseServer.inodeNumber(node)
        let target = try server.fileSystem.symbolicLinkTarget(number, worker)
        let inode = server.fileSystem.openInode(number)
        // The kernel keeps what it has read, so that this is rare.
        server.fileSystem.expectAccess(inode)
        try server.fileSystem.noteAccess(inode, worker)
        request.answer(linkTarget: target)
      }
    }
  }
}
