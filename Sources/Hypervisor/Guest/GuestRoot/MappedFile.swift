import CLinux
import HostSystem
import SystemPackage

/// A file of the host's that is read in place. Others replace it whole, by renaming, and do not shorten it.
final class MappedFile: Sendable {
  private let mapping: Mapping
  private let byteCount: Int

  /// Maps the regular file at `path`.
  init(_ path: String) throws(Errno) {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    byteCount = Int(try HostFile.check(linux_regular_file_size(descriptor.rawValue)))
    // There is no mapping without bytes; a file without any gets one that is never looked at.
    mapping = try Mapping.file(descriptor: descriptor.rawValue, byteCount: max(byteCount, 1))
  }

  /// Runs `body` with what it holds.
  func withBytes<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure)
    -> Value
  {
    // SAFETY: the mapping is this object's, which lives at least until `body` returns.
    let bytes = unsafe mapping.base.assumingMemoryBound(to: UInt8.self)
    return try body(unsafe Span(_unsafeStart: bytes, count: byteCount))
  }
}
