import HostSystem
import SystemPackage

/// Which extended attributes a guest reaches, and what they are called on the host.
struct NinePAttributeRules {
  private static let access = Array("system.posix_acl_access".utf8)
  private static let standard = Array("system.posix_acl_default".utf8)
  private static let user = Array("user.".utf8)
  private static let trusted = Array("trusted.".utf8)
  private static let mapped = Array(NinePMappedStatus.prefix.utf8)

  let security: NinePSecurity

  /// The host's name of the attribute that the guest calls `name`.
  ///
  /// - Throws: EOPNOTSUPP for an attribute that the guest may not have; ENODATA, or EACCES when it writes, for those in which
  ///   the server itself keeps the guest's owners and modes.
  func hostName(_ name: FileName, isWritten: Bool) throws(Errno) -> FileName {
    if security == .passthrough { return name }
    let bytes = name.utf8
    if bytes.starts(with: Self.mapped) { throw isWritten ? Errno.permissionDenied : .noData }
    let isList = bytes == Self.access || bytes == Self.standard
    if security == .mapped {
      if isList { return try FileName(Self.mapped + bytes) }
      guard bytes.starts(with: Self.user) else { throw .notSupported }
      return name
    }
    guard isList || bytes.starts(with: Self.user) || !(isWritten || bytes.starts(with: Self.trusted)) else {
      throw .notSupported
    }
    return name
  }

  /// What the guest sees of the host's list of names, each with a zero at its end; it is not longer.
  func filter(_ names: [UInt8]) -> [UInt8] {
    guard security != .passthrough else { return names }
    var kept: [UInt8] = []
    for name in names.split(separator: 0) {
      if let name = guestName(Array(name)) { kept += name + [0] }
    }
    return kept
  }

  private func guestName(_ name: [UInt8]) -> [UInt8]? {
    if name.starts(with: Self.mapped) {
      let rest = Array(name.dropFirst(Self.mapped.count))
      return security == .mapped && (rest == Self.access || rest == Self.standard) ? rest : nil
    }
    switch security {
    case .mapped: return name.starts(with: Self.user) ? name : nil
    case .none: return name.starts(with: Self.trusted) ? nil : name
    case .passthrough: return name
    }
  }
}
