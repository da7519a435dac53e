public import SystemPackage

/// Why an image of the qcow family cannot be used, or a request on it failed.
public enum QcowError: Error, Equatable, CustomStringConvertible, Sendable {
  /// A system call failed.
  case failed(Errno)
  /// The image needs a feature that is not supported.
  case unsupported(String)
  /// The image contradicts its format.
  case damaged(String)
  /// Data of the image cannot be read, though its tables are sound.
  case unreadable(String)
  /// The image may only be read.
  case readOnly(String)
  /// There is no snapshot of this name.
  case noSnapshot(String)
  /// A file of the backing chain cannot be used.
  case backing(name: String, String)

  /// What is wrong, without the image's name.
  public var description: String {
    switch self {
    case .failed(let errno): "\(errno)"
    case .unsupported(let feature): "\(feature) is not supported"
    case .damaged(let what): "damaged: \(what)"
    case .unreadable(let what): what
    case .readOnly(let why): why
    case .noSnapshot(let name): "it has no snapshot '\(name)'; 'qemu-img snapshot -l' lists them"
    case .backing(let name, let why): "backing file \(name): \(why)"
    }
  }

  /// The error that a request ends with.
  var errno: Errno {
    switch self {
    case .failed(let errno): errno
    case .unsupported, .damaged, .unreadable, .readOnly, .noSnapshot, .backing: .ioError
    }
  }
}

/// Runs `body`, which makes system calls, and passes its failure on as a ``QcowError``.
@inline(__always)
func qcowCall<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(QcowError) -> Result {
  do throws(Errno) { return try body() } catch { throw .failed(error) }
}
