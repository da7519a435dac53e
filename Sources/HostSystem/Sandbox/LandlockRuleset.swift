import CLinux
public import SystemPackage

/// The files that a thread may use, and what else it may reach (landlock(7)).
///
/// A ruleset is filled by ``allow(_:_:)`` and then enforced on the calling thread. Threads and processes that it starts later
/// inherit the restriction; threads that exist already do not.
public struct LandlockRuleset: ~Copyable {
  /// What Landlock of the running kernel can restrict beyond files.
  public struct Coverage: Equatable, Sendable {
    /// The version of the kernel's interface; at least 1.
    public let version: Int
    /// Whether changing a file's size counts as a right of its own (version 3, Linux 6.2).
    public var coversTruncation: Bool { version >= 3 }
    /// Whether TCP can be forbidden (version 4, Linux 6.7).
    public var coversTCP: Bool { version >= 4 }
    /// Whether ioctl(2) on devices can be forbidden (version 5, Linux 6.10).
    public var coversDeviceControl: Bool { version >= 5 }
    /// Whether signals and abstract sockets can be kept inside (version 6, Linux 6.12).
    public var coversSignals: Bool { version >= 6 }
  }

  private let descriptor: OwnedDescriptor
  private let handled: LandlockAccess

  /// What the running kernel's Landlock covers, or nil if the kernel has none or it is switched off.
  public static var coverage: Coverage? {
    let version = linux_landlock_version()
    return version > 0 ? Coverage(version: Int(version)) : nil
  }

  /// A ruleset that allows nothing yet.
  ///
  /// - Parameters:
  ///   - coverage: What the kernel covers: rights beyond it are not restricted.
  ///   - allowsTCP: Whether TCP ports may be bound and connected to.
  /// - Throws: What landlock_create_ruleset(2) answers.
  public init(_ coverage: Coverage, allowsTCP: Bool) throws(Errno) {
    handled = .known(version: coverage.version)
    let network =
      allowsTCP || !coverage.coversTCP ? 0 : LINUX_LANDLOCK_BIND_TCP | LINUX_LANDLOCK_CONNECT_TCP
    let scoped =
      coverage.coversSignals ? LINUX_LANDLOCK_SCOPE_ABSTRACT_SOCKET | LINUX_LANDLOCK_SCOPE_SIGNAL : 0
    descriptor = OwnedDescriptor(
      adopting: try check(linux_landlock_create(handled.rawValue, network, scoped)))
  }

  /// Allows `access` to the file at `path`, or to the directory and everything below it. Links in `path` are followed.
  ///
  /// - Throws: `ENOENT` if there is no such file, or what landlock_add_rule(2) answers.
  public func allow(_ path: String, _ access: LandlockAccess) throws(Errno) {
    let file = try OwnedDescriptor.open(path, flags: LINUX_O_PATH)
    try check(
      linux_landlock_allow(
        descriptor.rawValue, file.rawValue, access.intersection(handled).rawValue))
  }

  /// Restricts the calling thread to what was allowed, for good, and forbids it new privileges.
  public consuming func enforce() throws(Errno) {
    try Privileges.forbidNew()
    try check(linux_landlock_restrict(descriptor.rawValue))
  }
}
