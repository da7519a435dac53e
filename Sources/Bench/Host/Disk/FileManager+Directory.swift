import Foundation

extension FileManager {
  /// Whether `path` is a directory, or leads to one by symbolic links; nil if nothing is there.
  func isDirectory(atPath path: String) -> Bool? {
    guard fileExists(atPath: path) else { return nil }
    let target = URL(filePath: path).resolvingSymlinksInPath().path
    return (try? attributesOfItem(atPath: target)[.type] as? FileAttributeType) == .typeDirectory
  }
}
