import Foundation
import SystemPackage

extension String {
  /// The folder of the file at this path; empty for a name without a folder.
  ///
  /// `NSString.deletingLastPathComponent` traps for a name of one character (Foundation of Swift 6.3), such as `--output q`.
  var parentFolder: String { FilePath(self).removingLastComponent().string }

  /// The same, but `.` for a name without a folder.
  var parentFolderOrCurrent: String {
    let folder = parentFolder
    return folder.isEmpty ? "." : folder
  }
}

extension FileManager {
  /// Makes the folder of the file at `path`, and those above it, unless they are there.
  func makeParentFolder(of path: String, attributes: [FileAttributeKey: Any]? = nil) throws {
    let folder = path.parentFolder
    guard !folder.isEmpty else { return }
    try createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: attributes)
  }
}
