import CLinux
import Glibc
import SystemPackage

/// A directory that other processes leave alone who lock it too, until this value goes away (`flock(2)`).
public struct DirectoryLock: ~Copyable {
  private let descriptor: OwnedDescriptor

  /// Waits for the lock. `ENOENT` if there is no such directory.
  ///
  /// - Parameter creates: whether to make the directory first, for its owner alone, if it is not there.
  public init(path: String, creates: Bool = false) throws(Errno) {
    if creates { try NamedFiles.createDirectory(path) }
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    try check(linux_descriptor_lock(descriptor.rawValue))
    self.descriptor = descriptor
  }
}
