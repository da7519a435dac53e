import CLinux
import SystemPackage

/// Another process, by a descriptor that never comes to mean a later one (`pidfd_open(2)`).
public struct ProcessDescriptor: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// Opens `process`.
  public init(process: Int32) throws(Errno) {
    descriptor = OwnedDescriptor(adopting: try check(linux_process_open(process)))
  }

  /// A copy of the process's descriptor `number`, closed on exec (`pidfd_getfd(2)`).
  ///
  /// - Throws: `EPERM` where the caller may not trace the process, `EBADF` if it has no such descriptor.
  public func copy(ofDescriptor number: Int32) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try check(linux_process_take(descriptor.rawValue, number)))
  }
}
