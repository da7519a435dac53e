import CLinux
import Glibc
import SystemPackage

/// A file that is memory and has no name in any folder (`memfd_create(2)`): it goes with its last user.
public struct MemoryFile: ~Copyable, Sendable {
  private let owned: OwnedDescriptor

  /// A file of `byteCount` zeroes, closed on exec; without them an empty one. What a child writes there may be of any
  /// length: unlike a pipe it needs nobody who reads meanwhile.
  public init(name: String, byteCount: Int = 0) throws(Errno) {
    owned = OwnedDescriptor(adopting: try NamedFiles.memoryFile(name, byteCount: byteCount))
  }

  /// The descriptor, valid for as long as this value lives.
  public var descriptor: Int32 { owned.rawValue }

  /// By which other processes of the same user open it, for as long as this value lives.
  public var path: String { "/proc/\(getpid())/fd/\(owned.rawValue)" }

  /// All that is in it.
  public func contents() throws(Errno) -> [UInt8] {
    try checkErrno(lseek(descriptor, 0, SEEK_SET))
    return try DescriptorBytes.readToEnd(descriptor)
  }
}
