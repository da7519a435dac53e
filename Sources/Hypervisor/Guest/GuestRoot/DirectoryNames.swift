import CLinux
import SystemPackage

/// The names in a directory.
enum DirectoryNames {
  /// The names in `path` but "." and ".."; none if there is no such directory.
  static func read(_ path: String) throws(GuestRootError) -> [String] {
    guard let directory = unsafe path.withCString({ unsafe opendir($0) }) else {
      let isMissing = unsafe path.withCString { unsafe access($0, F_OK) } != 0
      if isMissing { return [] }
      throw .cannotRead(path: path, .permissionDenied)
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      // SAFETY: the kernel's name ends with a zero byte, and the entry lives until the next readdir(3).
      let name = unsafe String(cString: linux_entry_name(entry))
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
