import Glibc
import HostSystem
import Synchronization
import SystemPackage

/// What has to happen before a file's data change: its flags may forbid it, and set-user-ID, set-group-ID and capabilities must not
/// outlive what somebody else writes.
///
/// The kernel does the latter before writes through its cache, but not before direct ones.
extension FileSystem {
  /// The origin of written data.
  enum WriteOrigin {
    /// A call of write(2) or the like. `keepsSetID` says that the caller may keep set-user-ID and set-group-ID; nil if /proc is to
    /// tell.
    case call(keepsSetID: Bool?)
    /// Pages that were changed in memory and are written back by the kernel.
    case mapping
  }

  /// Refuses a write, or prepares for it.
  ///
  /// - Parameter offset: Where the write begins; nil if it does not add data.
  /// - Returns: Whether the mode or attributes have changed, which the kernel does not know.
  func prepareToWrite(
    _ inode: OpenInode, offset: UInt64?, _ origin: WriteOrigin, _ resources: ServingResources
  ) throws(Errno) -> Bool {
    if inode.allowsWrites.load(ordering: .relaxed) { return false }
    let (record, hasCapability) = try inspect(resources) { (metadata) throws(Errno) in
      let record = try metadata.inode(inode.number)
      let hasCapability = try metadata.attributeIfPresent(.capability, of: record) != nil
      let setsID = record.mode & UInt16(S_ISUID | S_ISGID) != 0
      inode.allowsWrites.store(!hasCapability && !setsID && !record.isProtected, ordering: .relaxed)
      return (record, hasCapability)
    }
    guard case .call(let keepsSetID) = origin else {
      // Pages cannot be mapped for writing while a file is immutable, and never those of an append-only one.
      if record.isAppendOnly { throw .notPermitted }
      return false
    }
    if record.isImmutable { throw .notPermitted }
    if record.isAppendOnly, let offset {
      try load(inode, resources)
      let byteCount = inode.lock.shared { inode.data?.byteCount ?? 0 }
      if offset < byteCount { throw .notPermitted }
    }
    let mode = modeAfterWrite(of: record, keepsSetID: keepsSetID, resources.caller)
    guard hasCapability || mode != record.mode else { return false }
    try change(resources) { (metadata) throws(Errno) in
      if try metadata.attributeIfPresent(.capability, of: try metadata.inode(inode.number)) != nil {
        try metadata.removeAttribute(.capability, of: inode.number)
      }
      var current = try metadata.inode(inode.number)
      current.mode &= mode | ~UInt16(S_ISUID | S_ISGID)
      current.changeTime = .now()
      try metadata.write(current)
    }
    return true
  }

  private func modeAfterWrite(of record: Inode, keepsSetID: Bool?, _ caller: Caller) -> UInt16 {
    guard record.isRegularFile, record.mode & UInt16(S_ISUID | S_ISGID) != 0 else { return record.mode }
    // A set-group-ID bit without permission to execute is a mark of old kernels for mandatory locks. The kernel leaves it to
    // the file system.
    let isMark = record.mode & UInt16(S_ISGID | S_IXGRP) == UInt16(S_ISGID)
    switch keepsSetID {
    case false?: break
    case true? where !isMark: return record.mode
    default: if caller.has(.keepSetID) { return record.mode }
    }
    var mode = record.mode & ~UInt16(S_ISUID)
    if !isMark || !caller.isMember(of: record.group) { mode &= ~UInt16(S_ISGID) }
    return mode
  }
}
