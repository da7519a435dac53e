import CLinux
import Glibc
import SystemPackage

/// The kernel's loop devices, through which images are mounted.
public enum LoopDevices {
  /// A loop device.
  public struct User: Equatable, Sendable {
    /// Its path, `/dev/loop0`.
    public let path: String
    /// Whether it takes no writes.
    public let isReadOnly: Bool
  }

  /// The first loop device whose file is the open file `descriptor`; nil if there is none.
  public static func user(of descriptor: Int32) -> User? {
    guard let file = try? DirectoryFiles.identity(of: descriptor), let names = try? names() else {
      return nil
    }
    for name in names {
      let path = "/dev/\(name)"
      guard let (other, isReadOnly) = (try? NamedFiles.loopFile(path)) ?? attributes(ofDevice: name) else {
        continue
      }
      if other.device == file.device, other.inode == file.inode {
        return User(path: path, isReadOnly: isReadOnly)
      }
    }
    return nil
  }

  /// The same for a user who may not open the device, but may read the name of its file.
  private static func attributes(
    ofDevice name: String
  ) -> (file: linux_file_identity, isReadOnly: Bool)? {
    guard let path = text(of: "/sys/block/\(name)/loop/backing_file"),
      let lock = text(of: "/sys/block/\(name)/ro"), let file = try? NamedFiles.identity(of: path)
    else { return nil }
    return (file, lock == "1")
  }

  /// The loop devices that have a file.
  private static func names() throws(Errno) -> [String] {
    try DirectoryNames.read("/sys/block").filter {
      $0.hasPrefix("loop") && NamedFiles.exists("/sys/block/\($0)/loop/backing_file")
    }
  }

  /// The first line of a small file; nil if it cannot be read.
  private static func text(of path: String) -> String? {
    guard let descriptor = try? OwnedDescriptor.open(path, flags: O_RDONLY),
      let bytes = try? DescriptorBytes.read(descriptor.rawValue, limit: 4096), !bytes.isEmpty
    else { return nil }
    return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
  }
}
