import CLinux
import Glibc
public import SystemPackage

/// A file of memory that processes share, and whose size nobody can change (`memfd_create(2)`, sealed).
///
/// The seals make it safe to map a file that somebody else made: a page that is mapped never goes away, so that no access
/// raises `SIGBUS`.
public struct SharedMemoryFile: ~Copyable, Sendable {
  /// Why a descriptor from another process is not accepted.
  public enum Unfit: Error, Equatable, Sendable {
    /// It has no seals: no `memfd`.
    case notMemory
    /// Its size can be changed: `F_SEAL_SHRINK` or `F_SEAL_GROW` is missing.
    case notSealed
    /// It is sealed against writing.
    case sealedAgainstWriting
    /// Its pages are huge ones of hugetlbfs, which can run out after the mapping was made.
    case hugePages
    /// The descriptor is not open for reading and writing.
    case notWritable
    /// Another call on it failed.
    case failed(Errno)
  }

  private let owned: OwnedDescriptor
  /// Bytes in the file.
  public let byteCount: UInt64

  /// A file of `byteCount` zeroes.
  public init(name: String, byteCount: UInt64) throws(Errno) {
    guard let count = Int(exactly: byteCount) else { throw .invalidArgument }
    owned = OwnedDescriptor(
      adopting: try NamedFiles.sealedMemoryFile(
        name, byteCount: count, seals: LINUX_SIZE_SEALS | LINUX_F_SEAL_SEAL))
    self.byteCount = byteCount
  }

  /// Takes over a descriptor of somebody else's.
  ///
  /// - Throws: Why it is unfit; the descriptor is closed then.
  public init(checking descriptor: consuming OwnedDescriptor) throws(Unfit) {
    let number = descriptor.rawValue
    // The seals come first, because this call asks no file system: a file of FUSE could keep the others waiting.
    let seals = linux_file_seals(number)
    guard seals >= 0 else { throw .notMemory }
    guard linux_is_shared_memory(number) == 1 else { throw .hugePages }
    guard seals & LINUX_SIZE_SEALS == LINUX_SIZE_SEALS else { throw .notSealed }
    guard seals & LINUX_WRITE_SEALS == 0 else { throw .sealedAgainstWriting }
    guard linux_access_mode(number) == O_RDWR else { throw .notWritable }
    let byteCount = linux_file_byte_count(number)
    guard byteCount >= 0 else { throw .failed(Errno(rawValue: CInt(truncatingIfNeeded: -byteCount))) }
    self.byteCount = UInt64(byteCount)
    owned = descriptor
  }

  /// The descriptor's number, valid for as long as this value lives.
  public var descriptor: Int32 { owned.rawValue }

  /// Gives the pages of a run back to the kernel; everybody reads zeroes there afterwards.
  public func punchHole(offset: UInt64, byteCount: UInt64) throws(Errno) {
    try check(linux_punch_hole(owned.rawValue, Int64(clamping: offset), Int64(clamping: byteCount)))
  }
}
