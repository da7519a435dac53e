import CFuse
import Glibc
import SystemPackage

/// The functions that libfuse calls: each turns the arguments into values, and passes them to a ``FuseServer``.
///
/// libfuse calls them on the thread that took the request, whose ``ServingThread`` is in a key of the thread.
@safe
final class FuseDispatch: Sendable {
  // SAFETY: the session's user data are the dispatch, which ``FuseConnection`` keeps for as long as there is a session; a thread's
  // value of the key is set by `serving(on:_:)` alone, for as long as the thread state is there. libfuse's arguments are valid during
  // the call, and nothing here keeps them. The kernel names a file by a number only from OPEN or CREATE until RELEASE.
  let server: FuseServer
  private let threadKey: pthread_key_t

  init(_ server: FuseServer) throws(Errno) {
    self.server = server
    var key = pthread_key_t()
    let result = unsafe pthread_key_create(&key, nil)
    guard result == 0 else { throw Errno(rawValue: result) }
    threadKey = key
  }

  deinit { pthread_key_delete(threadKey) }

  /// Runs `body`, which receives requests, with the state of the calling thread.
  func serving(on thread: ServingThread, _ body: () -> Void) {
    unsafe _ = pthread_setspecific(threadKey, Unmanaged.passUnretained(thread).toOpaque())
    body()
    _ = pthread_setspecific(threadKey, nil)
    withExtendedLifetime(thread) {}
  }

  /// The state of the calling thread, while it serves.
  var thread: ServingThread? {
    guard let context = unsafe pthread_getspecific(threadKey) else { return nil }
    return unsafe Unmanaged<ServingThread>.fromOpaque(context).takeUnretainedValue()
  }

  /// The table for libfuse.
  static var operations: fuse_lowlevel_ops {
    var operations = fuse_lowlevel_ops()
    addSession(&operations)
    addNames(&operations)
    addFiles(&operations)
    addAttributes(&operations)
    return operations
  }

  private static func addSession(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.`init` = { context, connection in
      guard let context = unsafe context, let connection = unsafe connection else { return }
      let dispatch = unsafe Unmanaged<FuseDispatch>.fromOpaque(context).takeUnretainedValue()
      unsafe dispatch.server.negotiate(&connection.pointee)
    }
    unsafe operations.forget = { handle, node, count in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        server.forget([(node, count)], &request, thread.resources)
      }
    }
    unsafe operations.forget_multi = { handle, count, forgets in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        let all = unsafe UnsafeBufferPointer(start: forgets, count: forgets == nil ? 0 : count)
        server.forget(unsafe all.map { ($0.ino, $0.nlookup) }, &request, thread.resources)
      }
    }
    unsafe operations.statfs = { handle, _ in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        request.answer(statistics: try server.fileSystem.statistics(thread.resources))
      }
    }
    unsafe operations.ioctl = { handle, node, command, _, _, _, input, inputByteCount, _ in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        let bytes = unsafe bytes(input, inputByteCount)
        try server.control(command, bytes, of: node, &request, thread.resources)
      }
    }
  }

  private static func addNames(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.lookup = { handle, parent, text in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.lookup(name(text), in: parent, &request, thread.resources)
      }
    }
    unsafe operations.mknod = { handle, parent, text, mode, device in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.makeNode(
          name(text), in: parent, mode: mode, device: UInt64(device), &request, thread.resources)
      }
    }
    unsafe operations.mkdir = { handle, parent, text, mode in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.makeDirectory(name(text), in: parent, mode: mode, &request, thread.resources)
      }
    }
    unsafe operations.symlink = { handle, target, parent, text in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.makeSymbolicLink(
          name(text), in: parent, target: name(target), &request, thread.resources)
      }
    }
    unsafe operations.link = { handle, node, parent, text in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.link(node, as: name(text), in: parent, &request, thread.resources)
      }
    }
    unsafe operations.unlink = { handle, parent, text in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.unlink(name(text), in: parent, &request, thread.resources)
      }
    }
    unsafe operations.rmdir = { handle, parent, text in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.removeDirectory(name(text), in: parent, &request, thread.resources)
      }
    }
    unsafe operations.rename = { handle, parent, text, newParent, newText, flags in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.rename(
          name(text), in: parent, to: name(newText), in: newParent, flags: flags, &request, thread.resources)
      }
    }
    unsafe operations.readlink = { handle, node in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try server.readLink(node, &request, thread.resources)
      }
    }
    unsafe operations.opendir = { handle, node, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.openDirectory(node, flags: flags(info), &request, thread.resources)
      }
    }
    unsafe operations.readdir = { handle, node, room, position, _ in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try server.readDirectory(node, from: position, room: room, &request, thread.resources)
      }
    }
    unsafe operations.readdirplus = { handle, node, room, position, _ in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try server.readDirectoryWithAttributes(node, from: position, room: room, &request, thread.resources)
      }
    }
    unsafe operations.fsyncdir = { handle, _, _, _ in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        // Names are written when they are made; they lack only the device's flush.
        try server.fileSystem.flush(thread.resources)
        request.succeed()
      }
    }
  }

  private static func addFiles(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.create = { handle, parent, text, mode, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.create(
          name(text), in: parent, mode: mode, flags: flags(info), &request, thread.resources)
      }
    }
    unsafe operations.open = { handle, node, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.open(node, flags: flags(info), &request, thread.resources)
      }
    }
    unsafe operations.release = { handle, _, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        let file = try unsafe file(info)
        // The reference of the answer to OPEN or CREATE ends with this call.
        let _ = unsafe FileHandle(returned: info?.pointee.fh ?? 0)
        try server.release(file, &request, thread.resources)
      }
    }
    unsafe operations.read = { handle, _, byteCount, offset, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.read(file(info), offset: offset, byteCount: byteCount, &request, thread.resources)
      }
    }
    unsafe operations.write = { handle, node, bytes, byteCount, offset, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        // The payload lies in the memory of the request; a write does not change it.
        guard let bytes = unsafe bytes, let source = unsafe thread.message.buffer.slice(at: bytes, byteCount)
        else { throw .badAddress }
        try unsafe server.write(source, to: file(info), of: node, offset: offset, &request, thread.resources)
      }
    }
    unsafe operations.fsync = { handle, _, dataOnly, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.fileSystem.synchronize(file(info).inode, dataOnly: dataOnly != 0, thread.resources)
        request.succeed()
      }
    }
    unsafe operations.fallocate = { handle, node, mode, offset, byteCount, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.changeSpace(
          of: file(info), node, mode: mode, offset: offset, byteCount: byteCount, &request, thread.resources)
      }
    }
    unsafe operations.lseek = { handle, _, offset, whence, info in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.seek(file(info), offset: offset, whence: whence, &request, thread.resources)
      }
    }
  }

  private static func addAttributes(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.getattr = { handle, node, _ in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try server.attributes(of: node, &request, thread.resources)
      }
    }
    unsafe operations.setattr = { handle, node, attributes, mask, _ in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        guard let attributes = unsafe attributes?.pointee else { throw .invalidArgument }
        try server.setAttributes(attributes, mask, of: node, &request, thread.resources)
      }
    }
    unsafe operations.getxattr = { handle, node, text, room in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.extendedAttribute(name(text), of: node, room: room, &request, thread.resources)
      }
    }
    unsafe operations.listxattr = { handle, node, room in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try server.extendedAttributeNames(of: node, room: room, &request, thread.resources)
      }
    }
    unsafe operations.setxattr = { handle, node, text, value, byteCount, flags in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.setExtendedAttribute(
          name(text), to: bytes(value, byteCount), flags: flags, of: node, &request, thread.resources)
      }
    }
    unsafe operations.removexattr = { handle, node, text in
      unsafe serve(handle) { (request, server, thread) throws(Errno) in
        try unsafe server.removeExtendedAttribute(name(text), of: node, &request, thread.resources)
      }
    }
  }
}

/// Serves one request: an error that is thrown is the answer.
private func serve(
  _ handle: fuse_req_t?,
  _ body: (inout FuseRequest, FuseServer, ServingThread) throws(Errno) -> Void
) {
  guard let handle = unsafe handle, let context = unsafe fuse_req_userdata(handle) else { return }
  let dispatch = unsafe Unmanaged<FuseDispatch>.fromOpaque(context).takeUnretainedValue()
  let thread = dispatch.thread
  var request = unsafe FuseRequest(handle, thread)
  guard let thread else { return request.fail(.ioError) }
  thread.resources.caller = dispatch.server.fakesRoot ? .root : request.caller
  do throws(Errno) {
    try body(&request, dispatch.server, thread)
  } catch {
    request.fail(error)
  }
}

// MARK: Arguments

private func name(_ pointer: UnsafePointer<CChar>?) -> [UInt8] {
  guard let pointer = unsafe pointer else { return [] }
  return unsafe Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
}

private func bytes(_ pointer: UnsafeRawPointer?, _ count: Int) -> [UInt8] {
  guard let pointer = unsafe pointer else { return [] }
  return unsafe Array(UnsafeRawBufferPointer(start: pointer, count: count))
}

private func flags(_ info: UnsafeMutablePointer<fuse_file_info>?) -> Int32 {
  unsafe info?.pointee.flags ?? 0
}

private func file(_ info: UnsafeMutablePointer<fuse_file_info>?) throws(Errno) -> OpenFile {
  guard let info = unsafe info, let inode = unsafe FileHandle.inode(info.pointee.fh) else {
    throw .badFileDescriptor
  }
  return OpenFile(inode: inode, flags: unsafe info.pointee.flags)
}
