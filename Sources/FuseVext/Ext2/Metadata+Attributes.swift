import CExt2
import Glibc
import SystemPackage

/// The conditions of setxattr(2) on a name (`XATTR_CREATE`, `XATTR_REPLACE`).
struct AttributeRule: OptionSet, Sendable {
  let rawValue: Int32

  static let mustBeNew = AttributeRule(rawValue: 1)
  static let mustExist = AttributeRule(rawValue: 2)
}

extension Metadata {
  /// The value of an extended attribute, as the disk has it. Throws `ENODATA` if there is none.
  func attribute(_ name: AttributeName, of number: UInt32) throws(Errno) -> [UInt8] {
    guard hasAttributes else { throw .noAttribute }
    let attributes = try AttributeHandle(library, number)
    return try attributes.value(name.bytes)
  }

  /// As ``attribute(_:of:)``, or nil if there is none.
  func attributeIfPresent(_ name: AttributeName, of inode: Inode) throws(Errno) -> [UInt8]? {
    guard try mayHaveAttributes(inode) else { return nil }
    do throws(Errno) {
      return try attribute(name, of: inode.number)
    } catch .noAttribute {
      return nil
    }
  }

  /// The names of all extended attributes that are in ext4's namespaces.
  func attributeNames(of number: UInt32) throws(Errno) -> [AttributeName] {
    guard hasAttributes else { return [] }
    let attributes = try AttributeHandle(library, number)
    var names: [AttributeName] = []
    for bytes in try attributes.names() {
      // The kernel's ext4 does not show the others either.
      do throws(Errno) { names.append(try AttributeName(bytes)) } catch {}
    }
    return names
  }

  /// Stores an attribute, with the value as the disk has it.
  mutating func setAttribute(
    _ name: AttributeName, to value: [UInt8], of number: UInt32, rule: AttributeRule = []
  ) throws(Errno) {
    if !hasAttributes { try startAttributes() }
    let attributes = try AttributeHandle(library, number)
    let old: [UInt8]?
    do throws(Errno) {
      old = try attributes.value(name.bytes)
    } catch .noAttribute {
      old = nil
    }
    if old != nil, rule.contains(.mustBeNew) { throw .fileExists }
    if old == nil, rule.contains(.mustExist) { throw .noAttribute }
    let mayTakeBlock = hasAttributeBlock(try inode(number)) || hasRoom(for: 1)
    try changeAttributes(of: number) { (_: inout Metadata) throws(Errno) in
      try attributes.set(name.bytes, value)
    }
    // libext2fs alone knows whether the inode has room, and it gives the root's blocks to everybody.
    guard !mayTakeBlock, hasAttributeBlock(try inode(number)) else { return }
    try changeAttributes(of: number) { (_: inout Metadata) throws(Errno) in
      guard let old else { return try attributes.remove(name.bytes) }
      try attributes.set(name.bytes, old)
    }
    throw .noSpace
  }

  private func hasAttributeBlock(_ inode: Inode) -> Bool { inode.attributeBlock != 0 }

  /// Removes an attribute. Throws `ENODATA` if there is none.
  mutating func removeAttribute(_ name: AttributeName, of number: UInt32) throws(Errno) {
    guard hasAttributes else { throw .noAttribute }
    let attributes = try AttributeHandle(library, number)
    _ = try attributes.value(name.bytes)
    try changeAttributes(of: number) { (_: inout Metadata) throws(Errno) in
      try attributes.remove(name.bytes)
    }
  }

  /// Whether there is a block of attributes, or the magic number of attributes in the inode itself.
  func mayHaveAttributes(_ inode: Inode) throws(Errno) -> Bool {
    guard hasAttributes else { return false }
    if hasAttributeBlock(inode) { return true }
    let inodeByteCount = Int(library.inodeByteCount)
    let start = 128 + Int(inode.raw.i_extra_isize)
    guard inodeByteCount > 128, start + 4 <= inodeByteCount else { return false }
    let bytes = try library.inodeBytes(inode.number, byteCount: inodeByteCount)
    return bytes[start..<start + 4].elementsEqual([0, 0, 2, 0xEA])
  }

  /// Whether libext2fs reads attributes (`ext_attr`). Old file systems get the feature with their first one.
  private var hasAttributes: Bool {
    library.compatibleFeatures & UInt32(EXT2_FEATURE_COMPAT_EXT_ATTR) != 0
      || hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_INLINE_DATA)
  }

  private mutating func startAttributes() throws(Errno) {
    library.updateRevision()
    library.changeSuperblock { $0.s_feature_compat |= UInt32(EXT2_FEATURE_COMPAT_EXT_ATTR) }
    try writeSuperblock()
  }

  mutating func touchChangeTime(_ number: UInt32) throws(Errno) {
    var inode = try inode(number)
    inode.changeTime = .now()
    try write(inode)
  }
}
