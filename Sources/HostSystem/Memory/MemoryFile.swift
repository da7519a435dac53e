import CLinux
import SystemPackage

/// A file that is memory and has no name in any folder (`memfd_create(2)`): it goes with its last user.
public struct MemoryFile: ~Copyable, Sendable {
  private let owned: OwnedDescriptor

  /// A file of `byteCount` zeroes, closed on exec.
  public init(name: String, byteCount: Int) throws(Errno) {
    // SAFETY: the C string lives for the duration of the call.
    owned = OwnedDescriptor(
      adopting: try check(unsafe name.withCString { unsafe linux_memory_file($0, byteCount, 0) }))
  }

  /// The descriptor, valid for as long as this value lives.
  public var descriptor: Int32 { owned.rawValue }

  /// By which other processes of the same user open it, for as long as this value lives.
  public var path: String { "/proc/\(getpid())/fd/\(owned.rawValue)" }
}
