import Foundation
import Glibc

/// A directory of this run's, removed with its owner.
final class ScratchDirectory {
  let path: String

  init(parent: String, name: String) throws {
    path = "\(parent)/\(name)-\(getpid())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
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
