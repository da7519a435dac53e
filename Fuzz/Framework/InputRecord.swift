import Glibc
import SystemPackage

/// The file that holds the input under way. What is written is there even if the process dies the moment after.
///
/// The file is new: a link that somebody put there in advance leads nowhere.
final class InputRecord {
  let path: String
  private let file: FileDescriptor

  init(path: String) throws {
    self.path = path
    file = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
      permissions: .ownerReadWrite)
  }

  deinit { try? file.close() }

  /// Replaces what the file holds.
  func write(_ bytes: [UInt8]) throws {
    _ = try file.writeAll(toAbsoluteOffset: 0, bytes)
    try file.resize(to: Int64(bytes.count))
  }

  /// Removes the file: every input was survived.
  func remove() { unsafe _ = unlink(path) }
}
