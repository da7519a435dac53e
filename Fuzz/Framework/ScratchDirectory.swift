import Foundation
import Glibc

/// A directory of this run's, removed with its owner.
final class ScratchDirectory {
  let path: String

  /// Makes the directory, and `parent` if it is missing.
  ///
  /// - Throws: ``FuzzFailure`` if `parent` is a link, belongs to somebody else or may be written by others. They could lead
  ///   what root writes to any file. Others may no longer read it afterwards.
  init(parent: String, name: String) throws {
    try Self.makePrivate(parent)
    path = "\(parent)/\(name)-\(getpid())"
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  private static func makePrivate(_ path: String) throws {
    guard unsafe mkdir(path, 0o700) != 0 else { return }
    guard errno == EEXIST else { throw FuzzFailure("\(path): \(unsafe String(cString: strerror(errno)))") }
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
      status.st_mode & 0o022 == 0
    else {
      throw FuzzFailure(
        "\(path): not a directory of this user's that nobody else may write; choose another by --artifacts")
    }
    guard unsafe status.st_mode & 0o077 == 0 || chmod(path, 0o700) == 0 else {
      throw FuzzFailure("\(path): \(unsafe String(cString: strerror(errno)))")
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// A new file of `byteCount` zero bytes.
  func makeDisk(byteCount: Int) throws -> String {
    let disk = file("disk")
    try Data(count: byteCount).write(to: URL(fileURLWithPath: disk))
    return disk
  }
}
