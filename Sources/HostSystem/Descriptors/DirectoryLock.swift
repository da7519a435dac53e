import CLinux
import Glibc
import SystemPackage

/// A directory that other processes leave alone who lock it too, until this value goes away (`flock(2)`).
public struct DirectoryLock: ~Copyable {
  private let descriptor: OwnedDescriptor

  /// Makes the directory, for its owner alone, if it is not there, and waits for the lock.
  public init(creating path: String) throws(Errno) {
    try check(unsafe path.withCString { unsafe linux_directory_create($0) })
    try self.init(path: path)
  }

  /// Waits for the lock. `ENOENT` if there is no such directory.
  public init(path: String) throws(Errno) {
    descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    try check(linux_descriptor_lock(descriptor.rawValue))
  }
}
