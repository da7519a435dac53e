import Foundation
import Testing

/// A copy of files of /proc and /sys, made from a recording, removed with its owner.
///
/// Each line of a recording is a file, `path = text`, in which `\n` is a line feed and `\\` a backslash, or a link,
/// `path -> target`; a `record.sh` beside the recordings makes them.
final class RecordedTree {
  /// Where the copy lies.
  let root: String

  /// Copies `Folder/NAME.EXTENSION` of the test's resources.
  init(_ name: String, extension suffix: String, folder: String) throws {
    let recording = try #require(
      Bundle.module.url(forResource: name, withExtension: suffix, subdirectory: folder))
    let manager = FileManager.default
    let directory = manager.temporaryDirectory.appending(path: "vext-tree-\(UUID().uuidString)")
    root = directory.path
    for line in try String(contentsOf: recording, encoding: .utf8).split(separator: "\n") {
      // Whichever comes first: a text may have the other in it.
      let halves = ["->", "="].map { mark in
        line.split(separator: " \(mark)", maxSplits: 1, omittingEmptySubsequences: false)
      }
      let isLink = halves[0][0].count < halves[1][0].count
      let (path, rest) = (halves[isLink ? 0 : 1][0], halves[isLink ? 0 : 1][1])
      let file = directory.appending(path: String(path))
      let content = String(rest.dropFirst())
      try manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      if isLink {
        try manager.createSymbolicLink(atPath: file.path, withDestinationPath: content)
      } else {
        try Data("\(Self.unescaped(content))\n".utf8).write(to: file)
      }
    }
  }

  deinit {
    // What is left behind of a temporary copy harms nobody.
    try? FileManager.default.removeItem(atPath: root)
  }

  private static func unescaped(_ text: String) -> String {
    var result = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        result.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return result
  }
}
