import CLinux
import SystemPackage

/// A mapped file of the host. Others must replace it by renaming, and never shorten it.
@safe
package final class MappedFile: Sendable {
  // SAFETY: the mapping has the file's bytes, which nobody changes, and lives as long as this object.
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
    // The mapping is this object's, which lives at least until `body` returns.
    let bytes = unsafe mapping.base.assumingMemoryBound(to: UInt8.self)
    return try body(unsafe Span(_unsafeStart: bytes, count: byteCount))
  }
}

extension Span<UInt8> {
  /// The bytes as an array.
  package var array: [UInt8] { unsafe withUnsafeBufferPointer { unsafe Array($0) } }

  /// Number of bytes before the first `byte`; all bytes if there is none.
  package func count(before byte: UInt8) -> Int {
    unsafe withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe linux_index_of_byte(base, bytes.count, byte)
    }
  }

  /// Number of bytes up to and including the last `byte`; 0 if there is none.
  package func count(throughLast byte: UInt8) -> Int {
    unsafe withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe linux_index_behind_last_byte(base, bytes.count, byte)
    }
  }
}
