import CLinux
import Glibc
import SystemPackage

/// The names in a directory.
package enum DirectoryNames {
  /// The names in the directory at `path` but "." and "..", in order.
  package static func read(_ path: String) throws(Errno) -> [String] {
    try NamedFiles.entryNames(path).sorted()
  }
}
