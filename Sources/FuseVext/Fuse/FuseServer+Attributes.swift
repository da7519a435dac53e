import CFuse
import CLinux
import Glibc
import SystemPackage

extension FuseServer {
  func attributes(of node: fuse_ino_t, _ request: inout FuseRequest, _ resources: ServingResources)
    throws(Errno)
  {
    let attributes = try fileSystem.attributes(of: try Self.inodeNumber(node), resources)
    request.answer(attributes: attributes, timeout: Self.timeout)
  }

  func setAttributes(
    _ attributes: stat, _ mask: Int32, of node: fuse_ino_t, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let result = try fileSystem.setAttributes(
      Self.change(attributes, mask), of: try Self.inodeNumber(node), resources)
    request.answer(attributes: result, timeout: Self.timeout)
  }

  func extendedAttribute(
    _ name: [UInt8], of node: fuse_ino_t, room: Int, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let name = try AttributeName(name)
    let value = try fileSystem.attribute(name, of: try Self.inodeNumber(node), resources)
    request.answer(attribute: value, room: room)
  }

  func extendedAttributeNames(
    of node: fuse_ino_t, room: Int, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    let names = try fileSystem.attributeNames(of: try Self.inodeNumber(node), resources)
    request.answer(attribute: names.reduce(into: []) { $0 += $1.bytes + [0] }, room: room)
  }

  /// - Parameter flags: `XATTR_CREATE` or `XATTR_REPLACE`, or 0.
  func setExtendedAttribute(
    _ name: [UInt8], to value: [UInt8], flags: Int32, of node: fuse_ino_t, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let name = try AttributeName(name)
    let number = try Self.inodeNumber(node)
    try fileSystem.setAttribute(name, to: value, of: number, rule: AttributeRule(rawValue: flags), resources)
    request.succeed()
  }

  func removeExtendedAttribute(
    _ name: [UInt8], of node: fuse_ino_t, _ request: inout FuseRequest, _ resources: ServingResources
  ) throws(Errno) {
    let name = try AttributeName(name)
    try fileSystem.removeAttribute(name, of: try Self.inodeNumber(node), resources)
    request.succeed()
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
}
