import Foundation

/// An empty folder for the length of a test. Short, for it has sockets in it.
final class TemporaryFolder {
  let path = "/tmp/lkvm-\(UUID().uuidString.prefix(8))"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit {
    // Nothing depends on its removal.
    try? FileManager.default.removeItem(atPath: path)
  }

  var entries: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}
