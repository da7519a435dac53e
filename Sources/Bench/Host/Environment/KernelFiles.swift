import Foundation
import HostSystem

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

  /// The same, but nil for a file that holds nothing, or the kernel's word for nothing.
  func word(_ path: String) -> String? {
    guard let text = text(path), !text.isEmpty, text != "(null)" else { return nil }
    return text
  }

  /// A file that holds one number in decimal digits; nil for any other.
  func number<Value: FixedWidthInteger>(_ path: String) -> Value? {
    text(path).flatMap { Value($0) }
  }

  /// The lines of a file, none if it cannot be read.
  func lines(_ path: String) -> [String] {
    (text(path) ?? "").split(separator: "\n").map(String.init)
  }

  /// The bytes that /proc/meminfo has for `key`; nil where it has none.
  func memoryByteCount(_ key: String) -> UInt64? {
    text("proc/meminfo").flatMap { HostMemory.byteCount(of: key, in: $0) }
  }

  /// The names in a folder, sorted; none if it cannot be read.
  func entries(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: path).path)) ?? []).sorted()
  }

  /// Whether there is a file or folder.
  func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appending(path: path).path)
  }

  /// What a symbolic link holds, or nil.
  func linkTarget(_ path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: root.appending(path: path).path)
  }

  /// The files below a folder of these that a link may lead to, such as that of a device; nil if it is not there.
  func folder(_ path: String) -> KernelFiles? {
    let target = root.appending(path: path).resolvingSymlinksInPath()
    guard FileManager.default.fileExists(atPath: target.path) else { return nil }
    return KernelFiles(root: target.path)
  }

  /// The folder's own name.
  var name: String { root.lastPathComponent }

  /// The text of every file of one line in a folder, by its name; nil if there is none.
  func attributes(_ path: String) -> [String: String]? {
    var values: [String: String] = [:]
    for name in entries(path) {
      if let value = word("\(path)/\(name)"), !value.contains("\n") { values[name] = value }
    }
    return values.isEmpty ? nil : values
  }

  /// The word in brackets of a choice as sysfs prints it, `always [madvise] never`; nil if there is none.
  func choice(_ path: String) -> String? {
    let word = (text(path) ?? "").split(separator: " ").first { $0.hasPrefix("[") && $0.hasSuffix("]") }
    return word.map { String($0.dropFirst().dropLast()) }
  }
}

extension String {
  /// The value of a line `key : value`, or nil if the line is another key's.
  func value(ofKey key: String) -> String? {
    guard let colon = firstIndex(of: ":"), self[..<colon].trimmingCharacters(in: .whitespaces) == key else {
      return nil
    }
    return self[index(after: colon)...].trimmingCharacters(in: .whitespaces)
  }
}
