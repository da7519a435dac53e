import CLinux
import Glibc
import SystemPackage

/// Disk I/O without the page cache (`O_DIRECT` of open(2)).
public enum DirectIO {
  /// The required alignments in bytes; both are 0 where O_DIRECT is refused.
  public struct Alignment: Equatable, Sendable {
    /// The alignment of addresses in memory.
    public var memory: UInt32
    /// The alignment of offsets and lengths in the file.
    public var offset: UInt32

    /// An alignment, as the kernel tells it.
    public init(memory: UInt32, offset: UInt32) {
      self.memory = memory
      self.offset = offset
    }

    /// The unit for addresses, offsets and lengths alike, at least a sector of 512 bytes; nil where O_DIRECT is refused, or
    /// for numbers that are not powers of two.
    public var unit: UInt32? {
      let unit = max(memory, offset, 512)
      return memory != 0 && offset != 0 && unit.nonzeroBitCount == 1 ? unit : nil
    }
  }

  /// What the kernel says that O_DIRECT demands of the open file `descriptor` (`STATX_DIOALIGN` of statx(2)); nil if it
  /// does not say, as before Linux 6.1 and in some file systems.
  public static func alignment(of descriptor: Int32) throws(Errno) -> Alignment? {
    try DescriptorBytes.directAlignment(of: descriptor).map {
      Alignment(memory: $0.memory, offset: $0.offset)
    }
  }

  /// Whether the file system accepts it for the file, block device or folder `path`; nil if that cannot be found out.
  ///
  /// In a folder a file without a name is opened (`O_TMPFILE`), which leaves nothing behind.
  public static func isAccepted(at path: String) -> Bool? {
    guard let kind = try? NamedFiles.kind(of: path) else { return nil }
    let flags = LINUX_O_DIRECT | (kind.is_directory != 0 ? O_RDWR | LINUX_O_TMPFILE : O_RDONLY)
    do throws(Errno) {
      _ = try OwnedDescriptor.open(path, flags: flags, mode: 0o600)
      return true
    } catch {
      // Any other failure, such as that of a file system without nameless files, says nothing about O_DIRECT.
      return error == .invalidArgument ? false : nil
    }
  }
}
