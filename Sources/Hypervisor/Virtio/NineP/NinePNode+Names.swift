import CLinux
import HostSystem
import SystemPackage

/// What is done by the number of a descriptor, as methods: a node that nobody else holds lives until they return.
extension NinePNode {
  /// Removes `name` from this directory: a directory, or anything else.
  func remove(_ name: UnsafePointer<CChar>, isDirectory: Bool) throws(Errno) {
    try check(unsafe linux_unlink_in(number, name, isDirectory ? 1 : 0))
  }

  /// Moves `name` from this directory to another, in place of what is there.
  func rename(
    _ name: UnsafePointer<CChar>, to newName: UnsafePointer<CChar>, in directory: NinePNode
  ) throws(Errno) {
    try check(unsafe linux_rename_in(number, name, directory.number, newName))
  }

  /// Sets the size of this file, which is open for writing.
  func truncate(to byteCount: Int64) throws(Errno) { try check(linux_truncate(number, byteCount)) }
}
