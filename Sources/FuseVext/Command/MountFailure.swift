import SystemPackage

/// Why nothing was mounted.
public enum MountFailure: Error, Equatable, CustomStringConvertible {
  /// The command line makes no sense.
  case usage(String)
  /// The device cannot be opened or read.
  case device(String, Errno)
  /// Somebody else has the device.
  case inUse(String)
  /// There is no vext function, or not the one that was named.
  case noVextFunction(String)
  /// The vext function cannot be used.
  case vext(String)
  /// There is no ext2, ext3 or ext4 superblock.
  case notExt(String)
  /// The superblock contradicts itself.
  case corrupted(String)
  /// The superblock tells of more blocks than the device has.
  case largerThanDevice(String)
  /// The journal holds changes that only e2fsck or the kernel can apply.
  case dirtyJournal(String)
  /// The last user did not unmount, or recorded errors.
  case notClean(String)
  /// A feature that is not honoured.
  case unsupportedFeature(String, String)
  /// A feature that is not honoured when writing.
  case featureNeedsReadOnly(String, String)
  /// The mount point is missing or no directory.
  case mountPoint(String, Errno)
  /// /dev/fuse is missing or closed to this user, or the kernel refuses.
  case fuse(String)

  /// One line.
  public var description: String {
    switch self {
    case .usage(let text): text
    case .device(let name, let error): "\(name): \(error)"
    case .inUse(let name): "\(name): in use by another process or mounted"
    case .noVextFunction(let name): "\(name): no vext PCI function found"
    case .vext(let text): text
    case .notExt(let name): "\(name): not an ext2, ext3 or ext4 file system"
    case .corrupted(let name): "\(name): the file system is corrupted; run 'e2fsck -f \(name)'"
    case .largerThanDevice(let name):
      "\(name): the file system is larger than the device; run 'e2fsck -f \(name)'"
    case .dirtyJournal(let name): "\(name): the journal needs recovery; run 'e2fsck -E journal_only \(name)'"
    case .notClean(let name): "\(name): the file system was not cleanly unmounted; run 'e2fsck -f \(name)'"
    case .unsupportedFeature(let name, let feature): "\(name): feature '\(feature)' is not supported"
    case .featureNeedsReadOnly(let name, let feature):
      "\(name): feature '\(feature)' is not supported for writing; mount with '-o ro'"
    case .mountPoint(let path, let error): "\(path): \(error)"
    case .fuse(let text): text
    }
  }

  /// The exit code, as fuse2fs 1.47 has them; 4, which it does not have, where FUSE refuses.
  public var exitCode: Int32 {
    switch self {
    case .usage: 1
    case .device, .inUse, .noVextFunction, .vext, .notExt, .corrupted, .largerThanDevice: 2
    case .dirtyJournal, .notClean, .unsupportedFeature, .featureNeedsReadOnly: 3
    case .mountPoint, .fuse: 4
    }
  }
}
