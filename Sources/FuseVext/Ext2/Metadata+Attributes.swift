import CExt2
import Glibc
import SystemPackage

/// What setxattr(2) asks of a name that is, or is not, there already.
enum AttributeRule {
  case any
  case mustBeNew
  case mustExist
}

extension Metadata {
  /// The value of an extended attribute. Throws `ENODATA` if there is none.
  func attribute(_ name: String, of number: UInt32) throws(Errno) -> [UInt8] {
    guard hasAttributes else { throw Errno(rawValue: ENODATA) }
    let attributes = try AttributeHandle(self, number)
    return try attributes.value(name)
  }

  /// The names of all extended attributes, each ended by a zero byte.
  func attributeNames(of number: UInt32) throws(Errno) -> [UInt8] {
    guard hasAttributes else { return [] }
    let attributes = try AttributeHandle(self, number)
    return try attributes.names()
  }

  mutating func setAttribute(
    _ name: String, to value: UnsafeRawBufferPointer, of number: UInt32, rule: AttributeRule
  ) throws(Errno) {
    guard name.utf8.count <= 255 else { throw .outOfRange }
    if !hasAttributes { try startAttributes() }
    let attributes = try AttributeHandle(self, number)
    let exists: Bool
    do throws(Errno) {
      _ = try attributes.value(name)
      exists = true
    } catch {
      guard error == Errno(rawValue: ENODATA) else { throw error }
      exists = false
    }
    if exists, rule == .mustBeNew { throw .fileExists }
    if !exists, rule == .mustExist { throw Errno(rawValue: ENODATA) }
    try changeAttributes(of: number) { (_: inout Metadata) throws(Errno) in
      try unsafe attributes.set(name, value)
    }
    try touchChangeTime(number)
  }

  mutating func removeAttribute(_ name: String, of number: UInt32) throws(Errno) {
    guard hasAttributes else { throw Errno(rawValue: ENODATA) }
    let attributes = try AttributeHandle(self, number)
    _ = try attributes.value(name)
    try changeAttributes(of: number) { (_: inout Metadata) throws(Errno) in try attributes.remove(name) }
    try touchChangeTime(number)
  }

  /// Whether libext2fs reads attributes (`ext_attr`). Old file systems get the feature with their first one.
  private var hasAttributes: Bool {
    unsafe fileSystem.pointee.super.pointee.s_feature_compat & UInt32(EXT2_FEATURE_COMPAT_EXT_ATTR) != 0
      || hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_INLINE_DATA)
  }

  private mutating func startAttributes() throws(Errno) {
    unsafe ext2fs_update_dynamic_rev(fileSystem)
    unsafe fileSystem.pointee.super.pointee.s_feature_compat |= UInt32(EXT2_FEATURE_COMPAT_EXT_ATTR)
    try writeSuperblock()
  }

  private mutating func touchChangeTime(_ number: UInt32) throws(Errno) {
    var inode = try inode(number)
    inode.changeTime = .now()
    try write(inode)
  }
}
