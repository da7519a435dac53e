import SystemPackage

/// The reason why a mount failed.
public enum MountFailure: Error, Equatable, CustomStringConvertible {
  /// The command line is wrong.
  case usage(String)
  /// The device cannot be opened or read.
  case device(String, Errno)
  /// Another process uses the device.
  case inUse(String)
  /// Another host has it mounted.
  case claimed(String)
  /// The image is mounted by the kernel, through a loop device.
  case inUseByLoop(String, String)
  /// There is no vext function, or none at the given address.
  case noVextFunction(String)
  /// The vext function cannot be used.
  case vext(String)
  /// There is no ext2, ext3 or ext4 superblock.
  case notExt(String)
  /// The image has another format than raw; the texts are the format and the remedy.
  case foreignFormat(String, String, String)
  /// The device has a partition table; the texts are its partitions and the remedy.
  case wholeDisk(String, String, String)
  /// The partition does not exist, or the selected range lies outside of the device.
  case noSuchPart(String, String)
  /// The superblock contradicts itself.
  case corrupted(String)
  /// The superblock counts more blocks than the device has.
  case largerThanDevice(String)
  /// The journal needs recovery, and the device is read-only.
  case dirtyJournal(String)
  /// The journal contradicts itself; the text says how.
  case corruptedJournal(String, String)
  /// The journal holds fast commits, which the kernel can replay. (e2fsck 1.47 too, but not behind a log that wraps.)
  case fastCommits(String)
  /// The journal is on another device.
  case externalJournal(String)
  /// The last user did not unmount, or recorded errors.
  case notClean(String)
  /// The file system has a feature that is not supported.
  case unsupportedFeature(String, String)
  /// The file system has a feature that is not supported for writing.
  case featureNeedsReadOnly(String, String)
  /// The mount point does not exist, or is not a directory.
  case mountPoint(String, Errno)
  /// /dev/fuse is missing or may not be opened, or the kernel refuses the mount.
  case fuse(String)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .usage(let text): text
    case .device(let name, let error): "\(name): \(error)"
    case .inUse(let name): "\(name): in use by another process or mounted"
    case .claimed(let name):
      "\(name): in use by another host, or checked by e2fsck (mmp); unmount it there, or mount with '-o ro'"
    case .inUseByLoop(let name, let device):
      "\(name): in use by \(device); unmount that, or detach it with 'losetup -d \(device)'"
    case .noVextFunction(let name): "\(name): no vext PCI function found"
    case .vext(let text): text
    case .notExt(let name): "\(name): not an ext2, ext3 or ext4 file system"
    case .foreignFormat(let name, let noun, let remedy): "\(name): \(noun); \(remedy)"
    case .wholeDisk(let name, let partitions, let advice):
      "\(name): a whole disk: \(partitions); \(advice)"
    case .noSuchPart(let name, let text): "\(name): \(text)"
    case .corrupted(let name): "\(name): the file system is corrupted; run 'e2fsck -f \(name)'"
    case .largerThanDevice(let name):
      "\(name): the file system is larger than the device; run 'e2fsck -f \(name)'"
    case .dirtyJournal(let name):
      "\(name): the journal needs recovery, and the device is read-only; mount with '-o norecovery'"
    case .corruptedJournal(let name, let what):
      "\(name): the journal is corrupted (\(what)); run 'e2fsck -f \(name)'"
    case .fastCommits(let name):
      "\(name): the journal holds fast commits, which cannot be replayed here; mount it once with the kernel's ext4"
    case .externalJournal(let name):
      "\(name): the journal is on another device, which is not supported; mount with '-o norecovery'"
    case .notClean(let name): "\(name): the file system was not cleanly unmounted; run 'e2fsck -f \(name)'"
    case .unsupportedFeature(let name, let feature): "\(name): feature '\(feature)' is not supported"
    case .featureNeedsReadOnly(let name, let feature):
      "\(name): feature '\(feature)' is not supported for writing; mount with '-o ro'"
    case .mountPoint(let path, let error): "\(path): \(error)"
    case .fuse(let text): text
    }
  }

  /// The exit code: 1 to 3 as in fuse2fs 1.47, and 4 if FUSE refuses the mount.
  public var exitCode: Int32 {
    switch self {
    case .usage: 1
    case .device, .inUse, .inUseByLoop, .claimed, .noVextFunction, .vext, .notExt, .foreignFormat, .wholeDisk,
      .noSuchPart, .corrupted, .corruptedJournal, .largerThanDevice:
      2
    case .dirtyJournal, .fastCommits, .externalJournal, .notClean, .unsupportedFeature,
      .featureNeedsReadOnly:
      3
    case .mountPoint, .fuse: 4
    }
  }
}
