import SystemPackage

/// The flags of Tlopen and Tlcreate: those of open(2) on x86, whatever the host's are.
struct NinePOpenFlags: OptionSet {
  let rawValue: UInt32

  static let writeOnly = NinePOpenFlags(rawValue: 0o1)
  static let readWrite = NinePOpenFlags(rawValue: 0o2)
  static let accessMask = NinePOpenFlags(rawValue: 0o3)
  static let exclusive = NinePOpenFlags(rawValue: 0o200)
  static let truncate = NinePOpenFlags(rawValue: 0o1000)
  static let append = NinePOpenFlags(rawValue: 0o2000)
  static let nonblocking = NinePOpenFlags(rawValue: 0o4000)
  static let dataSync = NinePOpenFlags(rawValue: 0o10000)
  static let directory = NinePOpenFlags(rawValue: 0o200000)
  static let sync = NinePOpenFlags(rawValue: 0o4_000000)

  /// What reaches open(2). O_DIRECT is the guest's wish about its own cache, and its buffers are not aligned as the host's
  /// disk wants; O_CREAT and O_EXCL are acted upon by the server; O_NOFOLLOW by the walk; the rest has no meaning here.
  private static let passed: NinePOpenFlags = [
    .accessMask, .truncate, .append, .dataSync, .directory, .sync,
  ]

  /// Whether data may be written.
  var writes: Bool { !isDisjoint(with: [.writeOnly, .readWrite]) }

  /// Whether the file's contents may change.
  var changesFile: Bool { !isDisjoint(with: [.accessMask, .truncate]) }

  /// The flags of open(2) on this host, which is x86 too. O_NONBLOCK is added: not even a lease of some other process
  /// makes the server wait.
  ///
  /// - Throws: EINVAL for an access mode that does not exist.
  func hostFlags() throws(Errno) -> Int32 {
    guard !isSuperset(of: .accessMask) else { throw .invalidArgument }
    return Int32(bitPattern: intersection(Self.passed).union(.nonblocking).rawValue)
  }
}
