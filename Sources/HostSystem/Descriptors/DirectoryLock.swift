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
    // SAFETY: the C string lives for the duration of the call.
    if creates { try check(unsafe path.withCString { unsafe linux_directory_create($0) }) }
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    try check(linux_descriptor_lock(descriptor.rawValue))
    self.descriptor = descriptor
  }
}
