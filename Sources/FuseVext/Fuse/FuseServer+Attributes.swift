import CFuse
import CLinux
import Glibc
import SystemPackage

extension FuseServer {
  static func addAttributes(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.getattr = { handle, node, _ in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let attributes = try server.fileSystem.attributes(of: try FuseServer.inodeNumber(node), worker)
        request.answer(attributes: attributes, timeout: FuseServer.timeout)
      }
    }
    unsafe operations.setattr = { handle, node, attributes, mask, _ in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        guard let attributes = unsafe attributes?.pointee else { throw .invalidArgument }
        let result = try server.fileSystem.setAttributes(
          FuseServer.change(attributes, mask), of: try FuseServer.inodeNumber(node), worker)
        request.answer(attributes: result, timeout: FuseServer.timeout)
      }
    }
    unsafe operations.getxattr = { handle, node, text, room in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let name = try unsafe FuseServer.attributeName(text)
        let number = try FuseServer.inodeNumber(node)
        let value = try server.fileSystem.attribute(name, of: number, worker)
        request.answer(attribute: value, room: room)
      }
    }
    unsafe operations.listxattr = { handle, node, room in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let number = try FuseServer.inodeNumber(node)
        let names = try server.fileSystem.attributeNames(of: number, worker)
        request.answer(attribute: names.reduce(into: []) { $0 += $1.bytes + [0] }, room: room)
      }
    }
    unsafe operations.setxattr = { handle, node, text, value, byteCount, flags in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let name = try unsafe FuseServer.attributeName(text)
        let number = try FuseServer.inodeNumber(node)
        let rule = AttributeRule(rawValue: flags)
        try unsafe server.fileSystem.setAttribute(
          name, to: UnsafeRawBufferPointer(start: value, count: byteCount), of: number, rule: rule, worker)
        request.succeed()
      }
    }
    unsafe operations.removexattr = { handle, node, text in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let name = try unsafe FuseServer.attributeName(text)
        let number = try FuseServer.inodeNumber(node)
        try server.fileSystem.removeAttribute(name, of: number, worker)
        request.succeed()
      }
    }
  }

  /// The changes that `mask` (`FUSE_SET_ATTR_`) selects.
  private static func change(_ attributes: stat, _ mask: Int32) -> FileSystem.AttributeChange {
    func time(_ value: timespec, _ set: Int32, _ setNow: Int32) -> InodeTime? {
      if mask & setNow != 0 { return .now() }
      return mask & set != 0
        ? InodeTime(seconds: Int64(value.tv_sec), nanoseconds: UInt32(clamping: value.tv_nsec)) : nil
    }
    return FileSystem.AttributeChange(
      mode: mask & FUSE_SET_ATTR_MODE != 0 ? attributes.st_mode : nil,
      user: mask & FUSE_SET_ATTR_UID != 0 ? attributes.st_uid : nil,
      group: mask & FUSE_SET_ATTR_GID != 0 ? attributes.st_gid : nil,
      byteCount: mask & FUSE_SET_ATTR_SIZE != 0 ? UInt64(max(attributes.st_size, 0)) : nil,
      accessTime: time(attributes.st_atim, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW),
      modificationTime: time(attributes.st_mtim, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW),
      changeTime: time(attributes.st_ctim, FUSE_SET_ATTR_CTIME, 0),
      isTouch: mask & FUSE_SET_ATTR_ATIME_NOW != 0 && mask & FUSE_SET_ATTR_MTIME_NOW != 0)
  }

  private static func attributeName(_ text: UnsafePointer<CChar>?) throws(Errno) -> AttributeName {
    try AttributeName(unsafe name(text))
  }
}
