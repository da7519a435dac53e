import Glibc
import Synchronization
import SystemPackage

extension FileSystem {
  /// The value of an extended attribute. Throws `ENODATA` if there is none.
  func attribute(_ name: String, of number: UInt32, _ worker: Worker) throws(Errno) -> [UInt8] {
    let inode = openInode(number)
    if inode.hasNoAttributes.load(ordering: .relaxed) { throw Errno(rawValue: ENODATA) }
    return try inspect(worker) { (metadata) throws(Errno) in
      do throws(Errno) {
        return try metadata.attribute(name, of: number)
      } catch {
        if error == Errno(rawValue: ENODATA), try metadata.attributeNames(of: number).isEmpty {
          inode.hasNoAttributes.store(true, ordering: .relaxed)
        }
        throw error
      }
    }
  }

  /// The names of all extended attributes, each ended by a zero byte.
  func attributeNames(of number: UInt32, _ worker: Worker) throws(Errno) -> [UInt8] {
    try inspect(worker) { (metadata) throws(Errno) in try metadata.attributeNames(of: number) }
  }

  func setAttribute(
    _ name: String, to value: UnsafeRawBufferPointer, of number: UInt32, rule: AttributeRule, _ worker: Worker
  ) throws(Errno) {
    let inode = openInode(number)
    try change(worker) { (metadata) throws(Errno) in
      inode.hasNoAttributes.store(false, ordering: .relaxed)
      try unsafe metadata.setAttribute(name, to: value, of: number, rule: rule)
    }
    try synchronizeIfAsked(inode, worker)
  }

  func removeAttribute(_ name: String, of number: UInt32, _ worker: Worker) throws(Errno) {
    try change(worker) { (metadata) throws(Errno) in try metadata.removeAttribute(name, of: number) }
    try synchronizeIfAsked(openInode(number), worker)
  }
}
