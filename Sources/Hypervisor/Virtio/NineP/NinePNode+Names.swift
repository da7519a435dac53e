import CLinux
import HostSystem
import SystemPackage

/// What is done by the number of a descriptor, as methods: a node that nobody else holds lives until they return.
extension NinePNode {
  /// Removes `name` from this directory: a directory, or anything else.
  func remove(_ name: FileName, isDirectory: Bool) throws(Errno) {
    try DirectoryFiles.remove(name, in: number, isDirectory: isDirectory)
  }

  /// Moves `name` from this directory to another, in place of what is there.
  func rename(
    _ name: FileName, to newName: FileName, in directory: NinePNode
  ) throws(Errno) {
    try DirectoryFiles.rename(name, in: number, to: newName, in: directory.number)
  }

  /// Sets the size of this file, which is open for writing.
  func truncate(to byteCount: Int64) throws(Errno) { try check(linux_truncate(number, byteCount)) }
}
