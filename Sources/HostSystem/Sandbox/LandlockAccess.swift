import CLinux

/// What may be done with a file, or with everything below a directory (`LANDLOCK_ACCESS_FS_*`).
public struct LandlockAccess: OptionSet, Sendable {
  /// The kernel's bits.
  public let rawValue: UInt64

  /// Takes the kernel's bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Reading files and listing directories.
  public static let read = LandlockAccess(
    rawValue: LINUX_LANDLOCK_READ_FILE | LINUX_LANDLOCK_READ_DIRECTORY)
  /// Writing to files that exist, and changing their size.
  public static let write = LandlockAccess(rawValue: LINUX_LANDLOCK_WRITE_FILE | LINUX_LANDLOCK_TRUNCATE)
  /// Running programs.
  public static let execute = LandlockAccess(rawValue: LINUX_LANDLOCK_EXECUTE)
  /// Making, moving and removing files, directories, links, FIFOs and sockets; no devices.
  public static let makeAndRemove = LandlockAccess(
    rawValue: LINUX_LANDLOCK_REMOVE_DIRECTORY | LINUX_LANDLOCK_REMOVE_FILE | LINUX_LANDLOCK_MAKE_DIRECTORY
      | LINUX_LANDLOCK_MAKE_FILE | LINUX_LANDLOCK_MAKE_SOCKET | LINUX_LANDLOCK_MAKE_FIFO
      | LINUX_LANDLOCK_MAKE_SYMBOLIC_LINK | LINUX_LANDLOCK_REFER)
  /// ioctl(2) on devices.
  public static let controlDevices = LandlockAccess(rawValue: LINUX_LANDLOCK_IOCTL_DEVICE)

  /// The rights that Landlock of this version of its interface can forbid.
  static func known(version: Int) -> LandlockAccess {
    let bitCount =
      switch version {
      case ..<1: 0
      case 1: 13
      case 2: 14
      case 3, 4: 15
      default: 16
      }
    return LandlockAccess(rawValue: (1 << UInt64(bitCount)) - 1)
  }
}
