import CExt2
import Glibc
import SystemPackage

extension Metadata {
  /// Takes the mark of a clean unmount away, durably, so that e2fsck looks after an unclean end.
  mutating func markInUse() throws(Errno) {
    unsafe fileSystem.pointee.super.pointee.s_state &= ~UInt16(EXT2_VALID_FS)
    unsafe fileSystem.pointee.super.pointee.s_mnt_count &+= 1
    unsafe fileSystem.pointee.super.pointee.s_mtime = UInt32(truncatingIfNeeded: time(nil))
    unsafe fileSystem.pointee.flags |= EXT2_FLAG_CHANGED
    try writeSuperblock()
    try cache.queue.flush()
  }

  /// Records that structures were found or left wrong, so that e2fsck looks.
  mutating func markErroneous() throws(Errno) {
    unsafe fileSystem.pointee.super.pointee.s_state |= UInt16(EXT2_ERROR_FS)
    try writeSuperblock()
  }

  /// Writes bitmaps, group descriptors and counters, and makes them durable.
  mutating func checkpoint() throws(Errno) {
    try cache.queue.flush()
    unsafe freed.release(before: freed.mark(), in: fileSystem)
    guard unsafe fileSystem.pointee.flags & (EXT2_FLAG_DIRTY | EXT2_FLAG_BB_DIRTY | EXT2_FLAG_IB_DIRTY) != 0
    else { return }
    // Flushing writes EXT2_FLAG_VALID's absence into the state only through the superblock's own field.
    try ext2Check(unsafe ext2fs_flush2(fileSystem, EXT2_FLAG_FLUSH_NO_SYNC))
    try cache.queue.flush()
  }

  /// The last write of a clean unmount.
  mutating func markClean() throws(Errno) {
    try checkpoint()
    unsafe fileSystem.pointee.super.pointee.s_state |= UInt16(EXT2_VALID_FS)
    try writeSuperblock()
    try cache.queue.flush()
  }

  /// Writes the first superblock alone.
  mutating func writeSuperblock() throws(Errno) {
    guard let superblock = unsafe fileSystem.pointee.super else { throw .corrupted }
    unsafe superblock.pointee.s_wtime = UInt32(truncatingIfNeeded: time(nil))
    try ext2Check(unsafe ext2fs_superblock_csum_set(fileSystem, superblock))
    try unsafe cache.write(byteOffset: 1024, from: UnsafeRawBufferPointer(start: superblock, count: 1024))
  }

  // MARK: Orphans

  /// Puts a file without a name on the superblock's list (`s_last_orphan`; the next is in `i_dtime`), so that e2fsck or
  /// the kernel frees it after a crash.
  mutating func addOrphan(_ inode: inout Inode) throws(Errno) {
    inode.deletionTime = orphans.last ?? 0
    try write(inode)
    orphans.append(inode.number)
    unsafe fileSystem.pointee.super.pointee.s_last_orphan = inode.number
    try writeSuperblock()
  }

  /// Takes a file off the list.
  mutating func removeOrphan(_ number: UInt32) throws(Errno) {
    guard let position = orphans.firstIndex(of: number) else { return }
    orphans.remove(at: position)
    let next = position > 0 ? orphans[position - 1] : 0
    if position < orphans.count {
      var previous = try inode(orphans[position])
      previous.deletionTime = next
      try write(previous)
    } else {
      unsafe fileSystem.pointee.super.pointee.s_last_orphan = next
      try writeSuperblock()
    }
  }
}
