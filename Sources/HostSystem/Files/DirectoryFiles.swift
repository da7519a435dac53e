import CLinux
import SystemPackage

/// System calls on files by their name in an open directory, and on files that a descriptor stands for, open or O_PATH.
// SAFETY: a `FileName` ends with its only zero byte, each call gets the length of its span, and each result is a value of
// the caller's.
package enum DirectoryFiles {
  // MARK: Names

  /// Opens `name` of `directory`, and follows no symbolic link and leaves the directory on no way (openat2(2)).
  package static func open(
    _ name: FileName, in directory: Int32, flags: Int32, mode: UInt32 = 0
  ) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try check(unsafe linux_open_beneath(directory, name.bytes, flags, mode)))
  }

  /// Creates a directory (mkdirat(2)).
  package static func makeDirectory(_ name: FileName, in directory: Int32, mode: UInt32) throws(Errno) {
    try check(unsafe linux_make_directory(directory, name.bytes, mode))
  }

  /// Creates a symbolic link to `target` (symlinkat(2)).
  package static func makeSymbolicLink(
    _ name: FileName, in directory: Int32, to target: FileName
  ) throws(Errno) {
    try check(unsafe linux_make_symbolic_link(target.bytes, directory, name.bytes))
  }

  /// Creates a FIFO or a socket, by the type in `mode` (mknodat(2)).
  package static func makeNode(_ name: FileName, in directory: Int32, mode: UInt32) throws(Errno) {
    try check(unsafe linux_make_node(directory, name.bytes, mode))
  }

  /// Gives the file that `descriptor` stands for a further name.
  ///
  /// - Parameter descriptors: a descriptor of /proc/self/fd.
  package static func link(
    _ descriptor: Int32, as name: FileName, in directory: Int32, descriptors: Int32
  ) throws(Errno) {
    try check(unsafe linux_link_in(descriptors, descriptor, directory, name.bytes))
  }

  /// Gives a file another name, in place of the file that has it (renameat(2)).
  package static func rename(
    _ name: FileName, in directory: Int32, to newName: FileName, in newDirectory: Int32
  ) throws(Errno) {
    try check(unsafe linux_rename_in(directory, name.bytes, newDirectory, newName.bytes))
  }

  /// Removes a name (unlinkat(2)).
  package static func remove(_ name: FileName, in directory: Int32, isDirectory: Bool) throws(Errno) {
    try check(unsafe linux_unlink_in(directory, name.bytes, isDirectory ? 1 : 0))
  }

  // MARK: Status

  /// The result of stat(2) for the file that `descriptor` stands for.
  package static func status(of descriptor: Int32) throws(Errno) -> linux_file_status {
    var status = linux_file_status()
    try check(unsafe linux_status_at(descriptor, "", &status))
    return status
  }

  /// The result of statfs(2) for the file system of `descriptor`.
  package static func fileSystemStatus(of descriptor: Int32) throws(Errno) -> linux_file_system_status {
    var status = linux_file_system_status()
    try check(unsafe linux_file_system_status(descriptor, &status))
    return status
  }

  /// The device, the inode and the number of names of an open file (fstat(2)).
  package static func identity(of descriptor: Int32) throws(Errno) -> linux_file_identity {
    var identity = linux_file_identity()
    try check(unsafe linux_file_identity_of(descriptor, &identity))
    return identity
  }

  /// The target of the symbolic link that `descriptor` stands for, at most `limit` bytes of it.
  package static func target(of descriptor: Int32, limit: Int) throws(Errno) -> [UInt8] {
    try unsafe characters(limit: limit) { unsafe Int(linux_read_link(descriptor, $0, $1)) }
  }

  /// The path that the kernel has for `descriptor`, at most `limit` bytes of it.
  ///
  /// - Parameter descriptors: a descriptor of /proc/self/fd.
  package static func location(
    of descriptor: Int32, descriptors: Int32, limit: Int
  ) throws(Errno) -> [UInt8] {
    try unsafe characters(limit: limit) {
      unsafe Int(linux_descriptor_location(descriptors, descriptor, $0, $1))
    }
  }

  /// Fills `target` with records of the open directory `descriptor`, from its position on (getdents64(2)).
  ///
  /// - Returns: the number of bytes, whole records; 0 at the end.
  package static func readRecords(
    of descriptor: Int32, into target: inout MutableSpan<UInt8>
  ) throws(Errno) -> Int {
    let result = unsafe target.withUnsafeMutableBufferPointer { buffer in
      unsafe linux_read_directory(descriptor, buffer.baseAddress, buffer.count)
    }
    return Int(try check(result))
  }

  /// The first lock of others that is in the way of a lock of this range; `type` is F_UNLCK if there is none (fcntl(2)).
  package static func findLock(
    of descriptor: Int32, type: Int32, start: Int64, byteCount: Int64
  ) throws(Errno) -> (type: Int32, start: Int64, byteCount: Int64, process: Int32) {
    var lock = (type: type, start: start, byteCount: byteCount, process: 0 as Int32)
    try check(unsafe linux_find_lock(descriptor, &lock.type, &lock.start, &lock.byteCount, &lock.process))
    return lock
  }

  // MARK: Extended attributes

  /// The size of an attribute's value in bytes (getxattr(2)).
  package static func attributeByteCount(_ name: FileName, of descriptor: Int32) throws(Errno) -> Int {
    Int(try check(unsafe linux_get_attribute(descriptor, name.bytes, nil, 0)))
  }

  /// An attribute's value (getxattr(2)). ERANGE if it has more than `limit` bytes, which is not 0.
  package static func attribute(
    _ name: FileName, of descriptor: Int32, limit: Int
  ) throws(Errno) -> [UInt8] {
    try unsafe DescriptorBytes.bytes(limit: limit) {
      unsafe Int(linux_get_attribute(descriptor, name.bytes, $0, $1))
    }
  }

  /// The names of the attributes, a zero at the end of each (listxattr(2)). ERANGE if they have more than `limit` bytes.
  package static func attributeNames(of descriptor: Int32, limit: Int) throws(Errno) -> [UInt8] {
    try unsafe characters(limit: limit) { unsafe Int(linux_list_attributes(descriptor, $0, $1)) }
  }

  /// Sets an attribute's value (setxattr(2)).
  ///
  /// - Parameter flags: 0, XATTR_CREATE or XATTR_REPLACE.
  package static func setAttribute(
    _ name: FileName, of descriptor: Int32, to value: [UInt8], flags: Int32 = 0
  ) throws(Errno) {
    try check(unsafe linux_set_attribute(descriptor, name.bytes, value, value.count, flags))
  }

  /// Removes an attribute (removexattr(2)).
  package static func removeAttribute(_ name: FileName, of descriptor: Int32) throws(Errno) {
    try check(unsafe linux_remove_attribute(descriptor, name.bytes))
  }

  @unsafe
  private static func characters(
    limit: Int, _ fill: (UnsafeMutablePointer<CChar>, Int) -> Int
  ) throws(Errno) -> [UInt8] {
    try unsafe DescriptorBytes.bytes(limit: limit) { bytes, count in
      // SAFETY: CChar and UInt8 have one layout.
      unsafe bytes.withMemoryRebound(to: CChar.self, capacity: count) { unsafe fill($0, count) }
    }
  }
}
