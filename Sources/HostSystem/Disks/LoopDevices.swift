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
    var file = linux_file_identity()
    // SAFETY: the structures live for the duration of the calls.
    guard unsafe linux_file_identity_of(descriptor, &file) == 0, let names = try? names() else { return nil }
    for name in names {
      let path = "/dev/\(name)"
      var other = linux_file_identity()
      var isReadOnly: Int32 = 0
      if unsafe path.withCString({ unsafe linux_loop_file($0, &other, &isReadOnly) }) < 0 {
        // A user who may not open the device can still read the name of its file.
        let backing = "/sys/block/\(name)/loop/backing_file"
        guard let file = text(of: backing), let lock = text(of: "/sys/block/\(name)/ro"),
          unsafe file.withCString({ unsafe linux_path_identity_of($0, &other) }) == 0
        else { continue }
        isReadOnly = lock == "1" ? 1 : 0
      }
      if other.device == file.device, other.inode == file.inode {
        return User(path: path, isReadOnly: isReadOnly != 0)
      }
    }
    return nil
  }

  /// The loop devices that have a file.
  private static func names() throws(Errno) -> [String] {
    try DirectoryNames.read("/sys/block").filter {
      $0.hasPrefix("loop") && (unsafe access("/sys/block/\($0)/loop/backing_file", F_OK)) == 0
    }
  }

  /// The first line of a small file; nil if it cannot be read.
  private static func text(of path: String) -> String? {
    guard let descriptor = try? OwnedDescriptor.open(path, flags: O_RDONLY) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe read(descriptor.rawValue, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count].prefix { $0 != 0x0A }, as: UTF8.self)
  }
}
