import CLinux
public import SystemPackage

/// Rights of root that a thread can have one by one (capabilities(7)).
public struct Capabilities: OptionSet, Sendable {
  /// Bit n is capability n of the kernel.
  public let rawValue: UInt64

  /// Takes the kernel's bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Changing owners of files.
  public static let changeOwner = Capabilities(rawValue: 1 << 0)
  /// Access to files whatever their mode.
  public static let overrideAccess = Capabilities(rawValue: 1 << 1)
  /// Reading files and searching directories whatever their mode.
  public static let overrideReading = Capabilities(rawValue: 1 << 2)
  /// What only a file's owner may do otherwise.
  public static let actAsOwner = Capabilities(rawValue: 1 << 3)
  /// Keeping set-user-ID bits of files that are written to.
  public static let keepSetID = Capabilities(rawValue: 1 << 4)
  /// Raw sockets, for ICMP.
  public static let rawSockets = Capabilities(rawValue: 1 << 13)
  /// `CAP_SYS_ADMIN`: attributes named `trusted.*` among other rights.
  public static let administration = Capabilities(rawValue: 1 << 21)
  /// Giving capabilities to program files.
  public static let setFileCapabilities = Capabilities(rawValue: 1 << 31)

  /// Takes all other capabilities from the calling thread, for good, and from threads that it starts later.
  public func limitCurrentThread() throws(Errno) { try check(linux_limit_capabilities(rawValue)) }

  /// The capabilities that the calling thread uses.
  public static func ofCurrentThread() throws(Errno) -> Capabilities {
    Capabilities(rawValue: UInt64(try check(linux_effective_capabilities())))
  }
}
