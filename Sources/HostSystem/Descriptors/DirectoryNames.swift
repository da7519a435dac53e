import CLinux
import Glibc
import SystemPackage

/// The names in a directory.
package enum DirectoryNames {
  /// The names in the directory at `path` but "." and "..", in order.
  package static func read(_ path: String) throws(Errno) -> [String] {
    guard let stream = unsafe path.withCString({ unsafe opendir($0) }) else { throw Errno(rawValue: errno) }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      // SAFETY: the kernel's name ends with a zero byte, and the entry lives until the next readdir(3).
      let name = unsafe String(cString: linux_entry_name(entry))
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
