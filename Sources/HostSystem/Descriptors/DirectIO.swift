import CLinux
import Glibc
import SystemPackage

/// Disk I/O without the page cache (`O_DIRECT` of open(2)).
public enum DirectIO {
  /// Whether the file system accepts it for the file, block device or folder `path`; nil if that cannot be found out.
  ///
  /// In a folder a file without a name is opened (`O_TMPFILE`), which leaves nothing behind.
  public static func isAccepted(at path: String) -> Bool? {
    var kind = linux_file_kind()
    // SAFETY: the C string and the result live for the duration of the call.
    guard unsafe path.withCString({ unsafe linux_file_kind_of($0, &kind) }) == 0 else { return nil }
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
