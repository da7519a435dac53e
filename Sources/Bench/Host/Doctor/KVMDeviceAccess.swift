import Foundation

/// What this process may do with /dev/kvm.
enum KVMDeviceAccess: Equatable, Sendable {
  /// There is none.
  case missing
  /// It may not be opened for reading and writing.
  case forbidden
  /// It may.
  case usable

  /// Checks the device at `path`.
  init(path: String) {
    let manager = FileManager.default
    if !manager.fileExists(atPath: path) {
      self = .missing
    } else {
      self =
        manager.isReadableFile(atPath: path) && manager.isWritableFile(atPath: path) ? .usable : .forbidden
    }
  }
}
