import CLinux
import SystemPackage

/// A file descriptor with one owner, closed when its owner goes away.
public struct OwnedDescriptor: ~Copyable, Sendable {
  /// The number, valid for as long as this value lives.
  public let rawValue: Int32

  /// Takes over a descriptor that nobody else closes.
  public init(adopting rawValue: Int32) { self.rawValue = rawValue }

  /// Opens a file; the descriptor is closed on exec (`open(2)` with `O_CLOEXEC`).
  ///
  /// - Parameters:
  ///   - path: Relative to the working directory, or absolute.
  ///   - flags: Access mode and `O_` flags.
  ///   - mode: Permissions of a file that is created.
  public static func open(_ path: String, flags: Int32, mode: UInt32 = 0) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try NamedFiles.open(path, flags: flags, mode: mode))
  }

  /// Closes the descriptor now and reports what `close(2)` says, such as a delayed write error.
  public consuming func close() throws(Errno) {
    let descriptor = rawValue
    discard self
    try check(linux_close(descriptor))
  }

  /// Gives the descriptor to the caller, who closes it.
  public consuming func release() -> Int32 {
    let descriptor = rawValue
    discard self
    return descriptor
  }

  deinit { _ = linux_close(rawValue) }
}
