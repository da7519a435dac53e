import SystemPackage
import VextClient

/// The reason why a command failed.
enum VextIOFailure: Error, CustomStringConvertible {
  /// The device could not be opened.
  case device(VextClientError)
  /// A request failed.
  case request(String, Errno)
  /// The disk has other bytes than the pattern says.
  case mismatch(offset: UInt64)
  /// The options do not fit the disk.
  case options(String)

  var description: String {
    switch self {
    case .device(let error): error.description
    case .request(let what, let errno): "\(what): \(errno)"
    case .mismatch(let offset): "the byte at \(offset) is not the pattern's"
    case .options(let what): what
    }
  }
}
