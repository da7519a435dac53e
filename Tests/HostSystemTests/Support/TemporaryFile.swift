import CLinux
import Glibc
import HostSystem
import SystemPackage

/// A file without a name, gone when it is closed (`O_TMPFILE`).
final class TemporaryFile {
  let descriptor: OwnedDescriptor

  /// A file of `byteCount` zeroes in the folder of this test's temporary files.
  init(byteCount: Int, flags: Int32 = 0) throws {
    let folder = if let value = unsafe getenv("TMPDIR") { unsafe String(cString: value) } else { "/var/tmp" }
    // O_TMPFILE and O_DIRECT are imported by their internal names only.
    descriptor = try OwnedDescriptor.open(
      folder, flags: __O_TMPFILE | O_DIRECTORY | O_RDWR | flags, mode: 0o600)
    guard ftruncate(descriptor.rawValue, byteCount) == 0 else { throw Errno(rawValue: errno) }
  }
}
