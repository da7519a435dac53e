import CLinux
import SystemPackage

/// A mapped file of the host. Others must replace it by renaming, and never shorten it.
package final class MappedFile: Sendable {
  // The mapping has the file's bytes, which nobody changes.
  private let mapping: Mapping
  private let byteCount: Int

  /// Maps the regular file at `path`.
  package init(_ path: String) throws(Errno) {
    let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY)
    byteCount = Int(try check(linux_regular_file_size(descriptor.rawValue)))
    // mmap(2) refuses an empty range, so that an empty file gets a mapping that is never read.
    mapping = try Mapping.file(descriptor: descriptor.rawValue, byteCount: max(byteCount, 1))
  }

  /// Runs `body` with the file's bytes.
  package func withBytes<Value, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try mapping.withBytes(count: byteCount, body)
  }
}
