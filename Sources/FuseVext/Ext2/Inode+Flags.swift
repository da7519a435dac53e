import CExt2
import SystemPackage

/// The flags of an inode that users see and change (chattr(1)), by the rules of the kernel's ext4.
extension Inode {
  /// The flags that `FS_IOC_GETFLAGS` shows.
  private static let visible: UInt32 = 0x725B_DFFF
  /// The flags that `FS_IOC_SETFLAGS` may change; other flags keep their values.
  private static let modifiable: UInt32 = 0x624B_C0FF
  /// The modifiable flags whose change is ignored here. The kernel's ext4 moves the file between block pointers and extents instead.
  private static let fixed = UInt32(EXT4_EXTENTS_FL) | endOfFileBlocks
  /// `EXT4_EOFBLOCKS_FL`, which is no longer used.
  private static let endOfFileBlocks: UInt32 = 0x0040_0000
  /// The flags that a new file inherits from its directory.
  private static let inherited =
    UInt32(
      EXT2_SECRM_FL | EXT2_UNRM_FL | EXT2_COMPR_FL | EXT2_SYNC_FL | EXT2_NODUMP_FL | EXT2_NOATIME_FL
        | EXT2_NOCOMPR_FL)
    | UInt32(
      EXT3_JOURNAL_DATA_FL | EXT2_NOTAIL_FL | EXT2_DIRSYNC_FL | EXT4_PROJINHERIT_FL | EXT4_CASEFOLD_FL
        | FS_DAX_FL)
  private static let directoriesOnly = UInt32(
    EXT2_DIRSYNC_FL | EXT2_TOPDIR_FL | EXT4_PROJINHERIT_FL | EXT4_CASEFOLD_FL)

  /// The flags among `flags` that make sense for a file of this type.
  private func suitable(_ flags: UInt32) -> UInt32 {
    if isDirectory { return flags }
    return isRegularFile ? flags & ~Self.directoriesOnly : flags & UInt32(EXT2_NODUMP_FL | EXT2_NOATIME_FL)
  }

  /// Takes what a new file inherits from its directory.
  mutating func inheritFlags(from directory: Inode) { flags |= suitable(directory.flags & Self.inherited) }

  /// The answer to `FS_IOC_GETFLAGS`.
  var visibleFlags: UInt32 {
    flags & Self.visible & ~(isRegularFile ? UInt32(EXT4_PROJINHERIT_FL) : 0)
  }

  /// The flags after a user has asked for `wanted`. Throws `EOPNOTSUPP` for what is unknown or cannot be had for this type.
  func flags(asking wanted: UInt32) throws(Errno) -> UInt32 {
    guard wanted & ~Self.visible == 0 else { throw .notSupported }
    // chattr(1) passes the flags back that it read, so that flags that cannot be set are ignored.
    let wanted = wanted & Self.modifiable
    guard suitable(wanted) == wanted else { throw .notSupported }
    let old = flags & Self.modifiable
    guard (old ^ wanted) & Self.fixed == 0 else { throw .notSupported }
    if isImmutable, wanted & UInt32(EXT2_IMMUTABLE_FL) != 0, wanted != old { throw .notPermitted }
    return flags & ~Self.modifiable | wanted
  }

  /// Flags as `struct fsxattr` has them (`FS_XFLAG_` of linux/fs.h), with those of ext4.
  private static let common: [(extended: UInt32, flag: UInt32)] = [
    (0x8, UInt32(EXT2_IMMUTABLE_FL)), (0x10, UInt32(EXT2_APPEND_FL)), (0x20, UInt32(EXT2_SYNC_FL)),
    (0x40, UInt32(EXT2_NOATIME_FL)), (0x80, UInt32(EXT2_NODUMP_FL)), (0x200, UInt32(EXT4_PROJINHERIT_FL)),
    (0x8000, UInt32(FS_DAX_FL)), (0x20000, UInt32(EXT4_VERITY_FL)),
  ]

  /// The answer to `FS_IOC_FSGETXATTR`.
  var extendedFlags: UInt32 {
    Self.common.reduce(0) { visibleFlags & $1.flag != 0 ? $0 | $1.extended : $0 }
  }

  /// As ``flags(asking:)``, for `FS_IOC_FSSETXATTR`, which leaves flags alone that it has no name for. Names that ext4 has no flag
  /// for have no effect.
  func flags(askingExtended wanted: UInt32) throws(Errno) -> UInt32 {
    var flags = visibleFlags
    for (extended, flag) in Self.common {
      flags = wanted & extended != 0 ? flags | flag : flags & ~flag
    }
    return try self.flags(asking: flags)
  }
}
