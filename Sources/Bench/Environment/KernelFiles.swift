import Foundation

/// Reads what the kernel publishes as text below a root folder: `/`, or a recorded tree in a test.
struct KernelFiles: Sendable {
  private let root: URL

  /// The files below `root`.
  init(root: String) {
    self.root = URL(filePath: root, directoryHint: .isDirectory)
  }

  /// The content of a file without white space around it, or nil if it cannot be read or is no text.
  func text(_ path: String) -> String? {
    // Files in /proc and /sys state no true size: they are read to their end.
    guard let handle = try? FileHandle(forReadingFrom: root.appending(path: path)),
      let data = try? handle.readToEnd()
    else { return nil }
    return String(data: data, encoding: .utf8)?.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The lines of a file, none if it cannot be read.
  func lines(_ path: String) -> [String] {
    (text(path) ?? "").split(separator: "\n").map(String.init)
  }

  /// The names in a folder, sorted; none if it cannot be read.
  func entries(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: path).path)) ?? []).sorted()
  }
}
