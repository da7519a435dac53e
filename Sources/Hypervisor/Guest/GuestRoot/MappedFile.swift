import CLinux
import HostSystem
import SystemPackage

/// A mapped file of the host. Others must replace it by renaming, and never shorten it.
final class MappedFile: Sendable {
  private let mapping: Mapping
  private let byteCount: Int

  /// Maps the regular file at `path`.
  init(_ path: String) throws(Errno) {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    byteCount = Int(try check(linux_regular_file_size(descriptor.rawValue)))
    // mmap(2) refuses an empty range, so that an empty file gets a mapping that is never read.
    mapping = try Mapping.file(descriptor: descriptor.rawValue, byteCount: max(byteCount, 1))
  }

  /// Runs `body` with the file's bytes.
  func withBytes<Value, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Value) throws(Failure)
    -> Value
  {
    // SAFETY: the mapping is this object's, which lives at least until `body` returns.
    let bytes = unsafe mapping.base.assumingMemoryBound(to: UInt8.self)
    return try body(unsafe Span(_unsafeStart: bytes, count: byteCount))
  }
}
