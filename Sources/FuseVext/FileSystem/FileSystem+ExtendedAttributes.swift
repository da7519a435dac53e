import Glibc
import Synchronization
import SystemPackage

/// Kinds of extended attributes that an option turns off.
public struct AttributeSupport: OptionSet, Sendable {
  /// One bit for each kind.
  public let rawValue: UInt8

  /// Makes a set of kinds from bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Access control lists (`acl`).
  public static let accessControlLists = AttributeSupport(rawValue: 1)
  /// Attributes that users name (`user_xattr`).
  public static let userAttributes = AttributeSupport(rawValue: 2)
  /// All kinds, the default.
  public static let all: AttributeSupport = [.accessControlLists, .userAttributes]
}

/// The kernel checks who may read and change `user.`, `trusted.` and `security.` attributes, and it takes `security.capability`
/// away before writes of others: those checks are not repeated here.
extension FileSystem {
  /// The value of an extended attribute. Throws `ENODATA` if there is none.
  func attribute(_ name: AttributeName, of number: UInt32, _ resources: ServingResources) throws(Errno)
    -> [UInt8]
  {
    guard supports(name) else { throw .notSupported }
    let inode = openInode(number)
    if inode.hasNoAttributes.load(ordering: .relaxed) { throw Errno.noAttribute }
    let value = try inspect(resources) { (metadata) throws(Errno) in
      if try !metadata.mayHaveAttributes(try metadata.inode(number)) {
        inode.hasNoAttributes.store(true, ordering: .relaxed)
        throw Errno.noAttribute
      }
      return try metadata.attribute(name, of: number)
    }
    return name.isList ? try AccessControlList(disk: value).requestBytes : value
  }

  /// The names of all extended attributes that the caller may see.
  func attributeNames(of number: UInt32, _ resources: ServingResources) throws(Errno) -> [AttributeName] {
    var names = try inspect(resources) { (metadata) throws(Errno) in
      guard try metadata.mayHaveAttributes(try metadata.inode(number)) else { return [AttributeName]() }
      return try metadata.attributeNames(of: number)
    }
    names.removeAll { !supports($0) }
    if names.contains(where: { $0.namespace == .trusted }), !resources.caller.has(.administration) {
      names.removeAll { $0.namespace == .trusted }
    }
    return names
  }

  func setAttribute(
    _ name: AttributeName, to value: [UInt8], of number: UInt32, rule: AttributeRule,
    _ resources: ServingResources
  ) throws(Errno) {
    guard supports(name) else { throw .notSupported }
    let inode = openInode(number)
    if name.isList {
      let list = value.isEmpty ? nil : try AccessControlList(request: value)
      return try setList(name, to: list?.entries.isEmpty ?? true ? nil : list, of: inode, resources)
    }
    try change(resources) { (metadata) throws(Errno) in
      try metadata.checkMayChangeAttributes(of: number)
      noteAttributeChange(inode)
      try metadata.setAttribute(name, to: value, of: number, rule: rule)
      try metadata.touchChangeTime(number)
    }
    try synchronizeIfAsked(inode, resources)
  }

  func removeAttribute(_ name: AttributeName, of number: UInt32, _ resources: ServingResources) throws(Errno)
  {
    guard supports(name) else { throw .notSupported }
    let inode = openInode(number)
    if name.isList { return try setList(name, to: nil, of: inode, resources) }
    try change(resources) { (metadata) throws(Errno) in
      try metadata.checkMayChangeAttributes(of: number)
      try metadata.removeAttribute(name, of: number)
      try metadata.touchChangeTime(number)
    }
    try synchronizeIfAsked(inode, resources)
  }

  private func setList(
    _ name: AttributeName, to list: AccessControlList?, of inode: OpenInode, _ resources: ServingResources
  ) throws(Errno) {
    try change(resources) { (metadata) throws(Errno) in
      try metadata.checkMayChangeAttributes(of: inode.number)
      noteAttributeChange(inode)
      try metadata.setList(name, to: list, of: inode.number)
    }
    try synchronizeIfAsked(inode, resources)
  }

  /// Invalidates cached knowledge of an inode's attributes and mode. The caller holds the metadata's lock.
  private func noteAttributeChange(_ inode: OpenInode) {
    inode.hasNoAttributes.store(false, ordering: .relaxed)
    inode.allowsWrites.store(false, ordering: .relaxed)
  }

  private func supports(_ name: AttributeName) -> Bool {
    switch name.namespace {
    case .accessList, .defaultList: attributeSupport.contains(.accessControlLists)
    case .user: attributeSupport.contains(.userAttributes)
    case .trusted, .security: true
    }
  }
}

extension Metadata {
  /// Refuses to change the attributes of files that are immutable or append-only.
  fileprivate func checkMayChangeAttributes(of number: UInt32) throws(Errno) {
    if try inode(number).isProtected { throw .notPermitted }
  }
}
