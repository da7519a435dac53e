import CLinux
import Glibc
import SystemPackage

/// A file in memory that takes what a child writes, however much that is: unlike a pipe it needs nobody who reads
/// meanwhile (memfd_create(2)).
public struct MemoryFile: ~Copyable {
  private let descriptor: OwnedDescriptor

  /// An empty file, whose descriptor is closed on exec.
  public init(name: String) throws(Errno) {
    // SAFETY: the C string lives for the duration of the call.
    descriptor = OwnedDescriptor(
      adopting: try check(unsafe name.withCString { unsafe linux_memory_file($0, 0, 0) }))
  }

  /// Its descriptor, valid for as long as this value lives.
  public var rawValue: Int32 { descriptor.rawValue }

  /// All that was written to it.
  public func contents() throws(Errno) -> [UInt8] {
    guard lseek(rawValue, 0, SEEK_SET) == 0 else { throw Errno(rawValue: errno) }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = try check(
        unsafe chunk.withUnsafeMutableBytes {
          unsafe linux_read(descriptor.rawValue, $0.baseAddress, $0.count)
        })
      if count == 0 { return contents }
      contents += chunk[..<count]
    }
  }
}
