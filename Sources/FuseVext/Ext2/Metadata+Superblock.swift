import CExt2
import SystemPackage

extension Metadata {
  /// Says in the superblock, durably, that the file system is in use: with a journal that it needs recovery, without one that
  /// it was not cleanly unmounted. From now on the journal, if there is one, takes what changes.
  mutating func markInUse() throws(Errno) {
    let hasLog = log != nil
    library.changeSuperblock { superblock in
      if hasLog {
        superblock.s_feature_incompat |= UInt32(EXT3_FEATURE_INCOMPAT_RECOVER)
      } else {
        superblock.s_state &= ~UInt16(EXT2_VALID_FS)
      }
      superblock.s_mnt_count &+= 1
      superblock.s_mtime = InodeTime.now().low
    }
    try writeSuperblock()
    try cache.queue.flush()
    if log != nil { cache.transaction = JournalTransaction() }
  }

  /// Records that structures were found or left wrong, so that e2fsck looks. What the running transaction has changed does not
  /// reach the device any more.
  mutating func markErroneous() throws(Errno) {
    try log?.recordError(.ioError)
    let editor = try SuperblockEditor(device: device, queue: cache.queue)
    try editor.change { $0.s_state |= UInt16(EXT2_ERROR_FS) }
  }

  // MARK: Transactions

  /// Whether the running transaction is to be committed before the next step of it.
  var hasLargeTransaction: Bool {
    guard let log, let transaction = cache.transaction else { return false }
    return transaction.changed.count >= min(log.largestTransaction - largestStep, cache.slotCount / 4)
  }

  /// The blocks that one call of ``FileSystem/change(_:_:)`` may change, with the bitmaps that come on top.
  private var largestStep: Int { 256 }

  /// Makes all that was changed durable: commits the running transaction, or writes bitmaps, group descriptors and
  /// counters where there is no journal. What was freed before may be used again afterwards.
  mutating func commitTransaction() throws(Errno) {
    let mark = freed.mark()
    try writeTransaction()
    freed.release(before: mark, in: library)
  }

  /// As ``commitTransaction()``, but what was freed stays out of use.
  mutating func writeTransaction() throws(Errno) {
    guard let log else {
      try cache.queue.flush()
      guard !freed.groups.isEmpty else { return }
      try writeCounters()
      return try cache.queue.flush()
    }
    if !freed.groups.isEmpty || cache.transaction?.isEmpty == false { try writeCounters() }
    do throws(Errno) {
      try log.commit()
    } catch .noSpace {
      // A step that was too large.
      throw .ioError
    }
  }

  private mutating func writeCounters() throws(Errno) {
    try writeChangedGroups()
    try writeSuperblock()
  }

  /// The last write of a clean unmount.
  mutating func markClean() throws(Errno) {
    try commitTransaction()
    if let log {
      try log.checkpoint()
      cache.transaction = nil
      library.changeSuperblock { $0.s_feature_incompat &= ~UInt32(EXT3_FEATURE_INCOMPAT_RECOVER) }
    }
    library.changeSuperblock { $0.s_state |= UInt16(EXT2_VALID_FS) }
    try writeSuperblock()
    try cache.queue.flush()
  }

  /// Writes the first superblock alone.
  mutating func writeSuperblock() throws(Errno) {
    library.changeSuperblock { $0.s_wtime = InodeTime.now().low }
    try library.setSuperblockChecksum()
    try library.superblock.withBytes { (bytes) throws(Errno) in
      try cache.write(byteOffset: UInt64(SuperblockEditor.byteOffset), from: bytes)
    }
  }

  // MARK: Orphans

  /// Puts a file without a name on the superblock's list (`s_last_orphan`; the next is in `i_dtime`), so that e2fsck or
  /// the kernel frees it after a crash.
  mutating func addOrphan(_ inode: inout Inode) throws(Errno) {
    inode.deletionTime = orphans.last ?? 0
    try write(inode)
    orphans.append(inode.number)
    let number = inode.number
    library.changeSuperblock { $0.s_last_orphan = number }
    try writeSuperblock()
  }

  /// Takes a file off the list.
  mutating func removeOrphan(_ number: UInt32) throws(Errno) {
    guard let position = orphans.lastIndex(of: number) else { return }
    orphans.remove(at: position)
    let next = position > 0 ? orphans[position - 1] : 0
    if position < orphans.count {
      var previous = try inode(orphans[position])
      previous.deletionTime = next
      try write(previous)
    } else {
      library.changeSuperblock { $0.s_last_orphan = next }
      try writeSuperblock()
    }
  }
}
