import CLinux
import Glibc
import HostSystem
public import SystemPackage

/// Memory that a guest shares with other guests and with programs of the host: an object of POSIX shared memory (shm_overview(7)),
/// which is a file below /dev/shm.
///
/// A process that may open the object can change its contents at any moment, and shorten it. A guest that then accesses the missing
/// part ends; the rest of the host is not affected, because no code here reads or writes the contents.
public final class SharedMemoryArea: HostMemoryArea {
  /// Its size in bytes.
  public let byteCount: UInt64
  private let mapping: Mapping

  /// Whether an object can have the name.
  public static func accepts(name: String) -> Bool { plainName(name) != nil }

  /// The file's name.
  private static func plainName(_ name: String) -> String? {
    let plain = name.hasPrefix("/") ? String(name.dropFirst()) : name
    let isPossible =
      !plain.isEmpty && plain != "." && plain != ".." && !plain.utf8.contains(0) && !plain.contains("/")
      && plain.utf8.count <= 255
    return isPossible ? plain : nil
  }

  /// Opens the object `name`, or makes it.
  ///
  /// - Parameters:
  ///   - name: As shm_open(3) takes it: a slash, which may be left out, and no other.
  ///   - byteCount: A multiple of the page size. A longer object is used in part.
  ///   - creates: Whether to make the object, for its owner alone, if it is not there, and to lengthen it if it is shorter.
  public init(name: String, byteCount: UInt64, creates: Bool) throws(SharedMemoryError) {
    guard let plain = Self.plainName(name) else { throw .badName(name) }
    guard let count = Int(exactly: byteCount), count > 0,
      byteCount.isMultiple(of: GuestMemory.pageByteCount)
    else { throw .badSize(byteCount) }
    let present: UInt64
    do throws(Errno) {
      let flags = O_RDWR | LINUX_O_NOFOLLOW | (creates ? O_CREAT : 0)
      let object = try OwnedDescriptor.open("/dev/shm/\(plain)", flags: flags, mode: 0o600)
      if creates, try check(linux_regular_file_size(object.rawValue)) < byteCount {
        try check(linux_truncate(object.rawValue, Int64(count)))
      }
      present = UInt64(try check(linux_regular_file_size(object.rawValue)))
      mapping = try Mapping.shared(descriptor: object.rawValue, byteCount: count)
      try mapping.leaveOutOfDumps()
    } catch { throw .failed(name, error) }
    guard present >= byteCount else { throw .tooShort(name, byteCount) }
    self.byteCount = byteCount
  }

  /// Where it is mapped, for KVM.
  public var host: HostAddress { HostAddress(mapping.address) }
}

/// The reason why there is no ``SharedMemoryArea``.
public enum SharedMemoryError: Error, Equatable, CustomStringConvertible, Sendable {
  /// No object can have this name.
  case badName(String)
  /// Not a positive multiple of the page size.
  case badSize(UInt64)
  /// The object has fewer bytes, and was not to be made.
  case tooShort(String, UInt64)
  /// A system call failed.
  case failed(String, Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .badName(let name):
      "'\(name)' is not a name for shared memory: it has 1 to 255 bytes, without a slash inside"
    case .badSize(let byteCount): "\(byteCount) is not a multiple of \(GuestMemory.pageByteCount) bytes"
    case .tooShort(let name, let byteCount):
      "the shared memory '\(name)' has less than \(byteCount) bytes; :create makes it longer"
    case .failed(let name, .noSuchFileOrDirectory): "there is no shared memory '\(name)'; :create makes it"
    case .failed(let name, let errno): "the shared memory '\(name)': \(errno)"
    }
  }
}
