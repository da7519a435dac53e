public import SystemPackage

/// The reason why a display could not be opened.
public enum DisplayError: Error, Equatable, CustomStringConvertible, Sendable {
  /// A library is missing: its name, Debian's package, and the loader's words.
  case noLibrary(String, package: String, reason: String)
  /// The library failed; its words, if it has any.
  case libraryFailed(String, reason: String)
  /// The server cannot listen at an address.
  case cannotListen(String, Errno)
  /// A file with a password cannot be read.
  case cannotReadPassword(String, Errno)
  /// The first line of a file with a password is empty.
  case noPassword(String)
  /// A system call failed.
  case failed(call: String, Errno)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .noLibrary(let name, let package, let reason):
      "\(name) is needed; install Debian's package \(package): \(reason)"
    case .libraryFailed(let name, let reason): "\(name): \(reason)"
    case .cannotListen(let place, let errno): "cannot listen at \(place): \(errno)"
    case .cannotReadPassword(let path, let errno): "password-file=\(path): \(errno)"
    case .noPassword(let path): "password-file=\(path): the first line is empty"
    case .failed(let call, let errno): "\(call): \(errno)"
    }
  }
}
