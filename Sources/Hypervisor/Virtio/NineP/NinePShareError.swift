public import SystemPackage

/// Why a directory cannot be shared; says so in a sentence.
public enum NinePShareError: Error, Equatable, CustomStringConvertible, Sendable {
  /// A tag that is empty, longer than 255 bytes or has a zero byte.
  case invalidTag(String)
  /// open(2) failed.
  case cannotOpen(path: String, Errno)
  /// Something else than a directory.
  case notADirectory(path: String)
  /// procfs, whose files are not to be shared.
  case isProcessFileSystem(path: String)
  /// openat2(2) is missing or forbidden: there is no safe way to share.
  case cannotConfine(path: String, Errno)
  /// The file system takes no `user.*` attributes, in which ``NinePSecurity/mapped`` keeps owners and modes.
  case cannotMap(path: String, Errno)
  /// /proc/self/fd cannot be used, without which an O_PATH descriptor cannot be opened.
  case noProcessFileSystem(Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .invalidTag(let tag): "9p tag '\(tag)': needs 1 to 255 bytes"
    case .cannotOpen(let path, let errno): "9p directory \(path): \(errno)"
    case .notADirectory(let path): "9p directory \(path): not a directory"
    case .isProcessFileSystem(let path): "9p directory \(path): procfs is not shared"
    case .cannotConfine(let path, let errno): "9p directory \(path): openat2 (Linux 5.6): \(errno)"
    case .cannotMap(let path, let errno):
      "9p directory \(path): security=mapped needs a file system with user attributes: \(errno)"
    case .noProcessFileSystem(let errno): "9p: /proc/self/fd: \(errno)"
    }
  }
}
