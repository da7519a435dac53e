import Foundation

/// An empty folder for the length of a test, removed with its last user.
///
/// Its path is short, because the path of a socket has at most 107 bytes.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "vext-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  /// A folder for a fixture whose initializer throws nothing. Without a folder the tests cannot go on.
  package static func makeOrTrap() -> TemporaryFolder {
    do { return try TemporaryFolder() } catch { preconditionFailure("no temporary folder: \(error)") }
  }

  deinit {
    // Nothing depends on its removal.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The names in the folder, in order.
  package var entries: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }

  /// Every path below the folder, in order.
  package var names: [String] {
    get throws { try FileManager.default.subpathsOfDirectory(atPath: path).sorted() }
  }

  /// The path of a file in the folder.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// The contents of a text file.
  package func text(of name: String) throws -> String {
    try String(contentsOfFile: file(name), encoding: .utf8)
  }

  /// Writes a file, and the folders that it is in.
  package func write(_ name: String, _ text: String) throws {
    let url = URL(filePath: file(name))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }
}
