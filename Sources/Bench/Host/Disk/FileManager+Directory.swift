import Foundation

extension FileManager {
  /// Whether `path` is a folder or a link to one; nil if there is nothing.
  func isDirectory(atPath path: String) -> Bool? {
    var isDirectory: ObjCBool = false
    // SAFETY: the variable outlives the call.
    return unsafe fileExists(atPath: path, isDirectory: &isDirectory) ? isDirectory.boolValue : nil
  }
}
