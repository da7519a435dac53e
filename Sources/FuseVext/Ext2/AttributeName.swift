import Glibc
import SystemPackage

extension Errno {
  /// There is no such extended attribute (`ENODATA`).
  static var noAttribute: Errno { Errno(rawValue: Glibc.ENODATA) }
}

/// The name of an extended attribute, in one of the namespaces that ext4 has: bytes, which need not be UTF-8.
struct AttributeName: Hashable, Sendable {
  /// The prefix of the name. The raw value is `e_name_index` of ext4's `struct ext4_xattr_entry`.
  enum Namespace: UInt8, CaseIterable, Sendable {
    case user = 1
    case accessList = 2
    case defaultList = 3
    case trusted = 4
    case security = 6

    /// The text as setxattr(2) has it.
    var prefix: String {
      switch self {
      case .user: "user."
      case .accessList: "system.posix_acl_access"
      case .defaultList: "system.posix_acl_default"
      case .trusted: "trusted."
      case .security: "security."
      }
    }

    /// Whether the prefix is the whole name.
    var isWholeName: Bool { self == .accessList || self == .defaultList }
  }

  let namespace: Namespace
  /// Whether the value is an access control list.
  var isList: Bool { namespace.isWholeName }
  /// The whole name, prefix included.
  let bytes: [UInt8]

  static let accessList = AttributeName(whole: .accessList)
  static let defaultList = AttributeName(whole: .defaultList)
  static let capability = AttributeName(namespace: .security, bytes: Array("security.capability".utf8))

  private init(namespace: Namespace, bytes: [UInt8]) {
    self.namespace = namespace
    self.bytes = bytes
  }

  private init(whole namespace: Namespace) {
    self.init(namespace: namespace, bytes: Array(namespace.prefix.utf8))
  }

  /// A name as a request or libext2fs has it.
  ///
  /// Throws `EOPNOTSUPP` outside of ext4's namespaces, `EINVAL` for a prefix without a name, `ERANGE` for a name that is too
  /// long.
  init(_ bytes: [UInt8]) throws(Errno) {
    guard bytes.count <= 255 else { throw .outOfRange }
    for namespace in Namespace.allCases {
      let prefix = namespace.prefix.utf8
      guard bytes.starts(with: prefix) else { continue }
      if namespace.isWholeName {
        guard bytes.count == prefix.count else { throw .notSupported }
      } else {
        guard bytes.count > prefix.count else { throw .invalidArgument }
      }
      self.init(namespace: namespace, bytes: bytes)
      return
    }
    throw .notSupported
  }
}
