import SystemPackage

/// A file system in memory that Linux unpacks when it starts: a cpio archive in the "new ASCII" format
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
///
/// Entries are collected first and written at once, so that a file's bytes go straight to their place in the archive.
public struct Initramfs: Sendable {
  /// The type of a file, in the upper bits of its mode: inode(7).
  enum FileType {
    static let directory: UInt32 = 0o040000
    static let regular: UInt32 = 0o100000
    static let symbolicLink: UInt32 = 0o120000
    static let characterDevice: UInt32 = 0o020000
  }

  enum Contents: Sendable {
    case none
    case bytes([UInt8])
    /// Read when the archive is written.
    case file(path: String, byteCount: Int)

    var byteCount: Int {
      switch self {
      case .none: 0
      case .bytes(let bytes): bytes.count
      case .file(_, let byteCount): byteCount
      }
    }
  }

  struct Entry: Sendable {
    /// Relative to the root, without a slash at the start.
    var path: String
    var mode: UInt32
    var device: (major: UInt32, minor: UInt32) = (0, 0)
    var contents = Contents.none
  }

  private(set) var entries: [Entry] = []

  /// Makes an empty file system.
  public init() {}

  /// Adds a directory; its parents must have been added before.
  public mutating func addDirectory(_ path: String, permissions: UInt32 = 0o755) {
    entries.append(Entry(path: path, mode: FileType.directory | permissions))
  }

  /// Adds a file with these contents.
  public mutating func addFile(_ path: String, _ contents: [UInt8], permissions: UInt32 = 0o644) {
    entries.append(Entry(path: path, mode: FileType.regular | permissions, contents: .bytes(contents)))
  }

  /// Adds a copy of the host's file at `source`, which is read when the archive is written.
  public mutating func addFile(
    _ path: String, copying source: String, permissions: UInt32 = 0o644
  ) throws(GuestRootError) {
    let byteCount: Int
    do throws(Errno) {
      byteCount = try HostFile.byteCount(of: source)
    } catch {
      throw .cannotRead(path: source, error)
    }
    entries.append(
      Entry(
        path: path, mode: FileType.regular | permissions, contents: .file(path: source, byteCount: byteCount))
    )
  }

  /// Adds a symbolic link to `target`.
  public mutating func addSymbolicLink(_ path: String, to target: String) {
    entries.append(
      Entry(path: path, mode: FileType.symbolicLink | 0o777, contents: .bytes(Array(target.utf8))))
  }

  /// Adds the node of a character device.
  public mutating func addCharacterDevice(
    _ path: String, major: UInt32, minor: UInt32, permissions: UInt32 = 0o600
  ) {
    entries.append(Entry(path: path, mode: FileType.characterDevice | permissions, device: (major, minor)))
  }
}
