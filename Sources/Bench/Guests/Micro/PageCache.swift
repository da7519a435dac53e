import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// The host's page cache, which serves a file that is opened without O_DIRECT.
enum PageCache {
  /// Writes back what is dirty and forgets everything, so that every boot begins with an empty cache.
  static func drop() throws {
    sync()
    do {
      let descriptor = try FileDescriptor.open(
        FilePath("/proc/sys/vm/drop_caches"), .writeOnly, options: .closeOnExec)
      _ = try descriptor.closeAfter { try descriptor.writeAll("3\n".utf8) }
    } catch {
      throw BenchFailure(
        "--drop-caches: cannot write to /proc/sys/vm/drop_caches: \(error)", exitCode: .noPermission)
    }
  }

  /// Writes back what is dirty of the file or device at `path`, and forgets its pages; those of other files stay.
  static func forget(_ path: String) throws {
    do {
      let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
      try descriptor.closeAfter { try forgetPages(of: descriptor) }
    } catch {
      throw BenchFailure(
        "--cold-cache: cannot drop \(path) from the page cache: \(error)", exitCode: .ioError)
    }
  }

  /// The same for an open file.
  static func forgetPages(of descriptor: FileDescriptor) throws(Errno) {
    try checkErrno(fsync(descriptor.rawValue))
    let result = posix_fadvise(descriptor.rawValue, 0, 0, POSIX_FADV_DONTNEED)
    guard result == 0 else { throw Errno(rawValue: result) }
  }

  /// Whether the files below `path` have no storage other than memory, so that their pages cannot be dropped.
  static func isOnlyStorage(of path: String) -> Bool {
    let place = URL(filePath: StorageDescription.existing(path)).resolvingSymlinksInPath().path
    let mount = MountDescription(of: place, mounts: KernelFiles(root: "/").lines("proc/self/mountinfo"))
    return ["tmpfs", "ramfs"].contains(mount?.type)
  }

  /// Reads the first `byteCount` bytes of `path`, so that every repetition finds them cached.
  static func warm(_ path: String, byteCount: UInt64) throws {
    let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    try descriptor.closeAfter {
      var chunk = [UInt8](repeating: 0, count: 1 << 20)
      var offset: UInt64 = 0
      while offset < byteCount {
        let count = try unsafe chunk.withUnsafeMutableBytes {
          unsafe try descriptor.read(fromAbsoluteOffset: Int64(offset), into: $0)
        }
        if count == 0 { return }
        offset += UInt64(count)
      }
    }
  }
}
