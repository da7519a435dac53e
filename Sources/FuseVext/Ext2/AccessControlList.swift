import SystemPackage

/// A POSIX access control list.
///
/// On the disk it is ext4's: a version, 1, and entries of 4 bytes, or of 8 where they name a user or a group
/// (`ext4_acl_header`, `ext4_acl_entry`). In requests it is the kernel's: version 2, and entries of 8 bytes
/// (`posix_acl_xattr_header`, `posix_acl_xattr_entry`). All numbers are little-endian.
struct AccessControlList: Equatable, Sendable {
  /// The user or group of an entry (`e_tag`).
  enum Tag: UInt16, Sendable {
    case owner = 0x01
    case user = 0x02
    case owningGroup = 0x04
    case group = 0x08
    case mask = 0x10
    case others = 0x20

    fileprivate var hasID: Bool { self == .user || self == .group }
  }

  struct Entry: Equatable, Sendable {
    let tag: Tag
    /// Three bits: read, write, execute.
    var permissions: UInt16
    /// The number of the user or group of `tag`; `UInt32.max` for other tags.
    var id: UInt32 = .max
  }

  private(set) var entries: [Entry]

  private static let diskVersion: UInt32 = 1
  private static let requestVersion: UInt32 = 2

  // MARK: Forms

  /// A list as the disk has it. Throws `EINVAL` for other bytes, as the kernel's ext4 does.
  init(disk bytes: [UInt8]) throws(Errno) {
    try self.init(bytes, version: Self.diskVersion) { $0.hasID ? 8 : 4 }
  }

  /// A list as setxattr(2) has it. Throws `EINVAL` for other bytes; one without entries stands for no list.
  init(request bytes: [UInt8]) throws(Errno) {
    guard bytes.count >= 4, bytes.count % 8 == 4 else { throw .invalidArgument }
    guard UInt32(bytes.word(0, 4)) == Self.requestVersion else { throw .notSupported }
    try self.init(bytes, version: Self.requestVersion) { _ in 8 }
  }

  private init(_ bytes: [UInt8], version: UInt32, byteCount: (Tag) -> Int) throws(Errno) {
    guard bytes.count >= 4, UInt32(bytes.word(0, 4)) == version else { throw .invalidArgument }
    entries = []
    var offset = 4
    while offset < bytes.count {
      guard offset + 4 <= bytes.count, let tag = Tag(rawValue: UInt16(bytes.word(offset, 2))),
        offset + byteCount(tag) <= bytes.count
      else { throw .invalidArgument }
      entries.append(
        Entry(
          tag: tag, permissions: UInt16(bytes.word(offset + 2, 2)),
          id: tag.hasID ? UInt32(bytes.word(offset + 4, 4)) : .max))
      offset += byteCount(tag)
    }
    guard isValid || entries.isEmpty && version == Self.requestVersion else { throw .invalidArgument }
  }

  /// The list in the disk's format.
  var diskBytes: [UInt8] { bytes(version: Self.diskVersion) { $0.hasID } }

  /// The list in the format of getxattr(2).
  var requestBytes: [UInt8] { bytes(version: Self.requestVersion) { _ in true } }

  private func bytes(version: UInt32, hasID: (Tag) -> Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    func add(_ value: UInt32, _ byteCount: Int) {
      for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * index))) }
    }
    add(version, 4)
    for entry in entries {
      add(UInt32(entry.tag.rawValue), 2)
      add(UInt32(entry.permissions), 2)
      if hasID(entry.tag) { add(entry.id, 4) }
    }
    return bytes
  }

  /// Whether the entries are in the order of their tags, each of owner, owning group and others once, with at most one mask, which
  /// entries for further users or groups need.
  private var isValid: Bool {
    func count(_ tag: Tag) -> Int { entries.count { $0.tag == tag } }
    guard entries.allSatisfy({ $0.permissions <= 7 && ($0.tag.hasID ? $0.id != .max : true) }),
      zip(entries, entries.dropFirst()).allSatisfy({ $0.tag.rawValue <= $1.tag.rawValue })
    else { return false }
    return count(.owner) == 1 && count(.owningGroup) == 1 && count(.others) == 1
      && count(.mask) <= 1 && (count(.mask) == 1 || !isExtended)
  }

  // MARK: Modes

  /// Whether it says more than the nine bits of a mode can.
  var isExtended: Bool { entries.contains { $0.tag.hasID || $0.tag == .mask } }

  /// The nine bits that go with it: the group's are the mask's, if there is one.
  var permissions: UInt16 {
    let groupClass = groupClass
    var result: UInt16 = 0
    for entry in entries {
      switch entry.tag {
      case .owner: result |= entry.permissions << 6
      case .others: result |= entry.permissions
      case groupClass: result |= entry.permissions << 3
      case .owningGroup, .mask, .user, .group: break
      }
    }
    return result
  }

  /// The entry that the group's bits of the mode stand for.
  private var groupClass: Tag { entries.contains { $0.tag == .mask } ? .mask : .owningGroup }

  /// The list after chmod(2) to `mode`.
  func changed(toMode mode: UInt16) -> AccessControlList { combined(with: mode) { (_, bits) in bits } }

  /// The list that a new file with the permissions `mode` inherits from its directory's default list.
  func inherited(byMode mode: UInt16) -> AccessControlList { combined(with: mode) { $0 & $1 } }

  private func combined(with mode: UInt16, _ combine: (UInt16, UInt16) -> UInt16) -> AccessControlList {
    let groupClass = groupClass
    var result = self
    for (index, entry) in entries.enumerated() {
      let bits: UInt16
      switch entry.tag {
      case .owner: bits = mode >> 6 & 7
      case .others: bits = mode & 7
      case groupClass: bits = mode >> 3 & 7
      case .owningGroup, .mask, .user, .group: continue
      }
      result.entries[index].permissions = combine(entry.permissions, bits)
    }
    return result
  }
}
