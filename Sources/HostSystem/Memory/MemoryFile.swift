import CLinux
import Glibc
import SystemPackage

/// A file that is memory and has no name in any folder (`memfd_create(2)`): it goes with its last user.
public struct MemoryFile: ~Copyable, Sendable {
  private let owned: OwnedDescriptor

  /// A file of `byteCount` zeroes, closed on exec; without them an empty one. What a child writes there may be of any
  /// length: unlike a pipe it needs nobody who reads meanwhile.
  public init(name: String, byteCount: Int = 0) throws(Errno) {
    // SAFETY: the C string lives for the duration of the call.
    owned = OwnedDescriptor(
      adopting: try check(unsafe name.withCString { unsafe linux_memory_file($0, byteCount, 0) }))
  }

  /// The descriptor, valid for as long as this value lives.
  public var descriptor: Int32 { owned.rawValue }

  /// By which other processes of the same user open it, for as long as this value lives.
  public var path: String { "/proc/\(getpid())/fd/\(owned.rawValue)" }

  /// All that is in it.
  public func contents() throws(Errno) -> [UInt8] {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw Errno(rawValue: errno) }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = try check(
        unsafe chunk.withUnsafeMutableBytes { unsafe linux_read(owned.rawValue, $0.baseAddress, $0.count) })
      if count == 0 { return contents }
      contents += chunk[..<count]
    }
  }
}
