import CExt2
import CLinux
import Glibc
import HostSystem
import Synchronization
import SystemPackage

extension FileSystem {
  /// The attributes of an inode, with what the disk does not know yet.
  func attributes(of number: UInt32, _ resources: ServingResources) throws(Errno) -> stat {
    try attributesAndBirth(of: number, resources).attributes
  }

  /// As ``attributes(of:_:)``, with the time of birth, which inodes of 128 bytes do not have.
  func attributesAndBirth(
    of number: UInt32, _ resources: ServingResources
  ) throws(Errno) -> (attributes: stat, birth: timespec?) {
    let inode = openInode(number)
    inode.lock.lockShared()
    defer { inode.lock.unlock() }
    let record = try inspect(resources) { (metadata) throws(Errno) in try metadata.inode(number) }
    return (attributesLocked(record, inode), record.creationTime.map(moment))
  }

  /// As ``attributes(of:_:)``, of an inode whose record was just read.
  func attributes(_ seen: Seen, _ resources: ServingResources) -> stat {
    let inode = seen.inode
    inode.lock.lockShared()
    defer { inode.lock.unlock() }
    var record = seen.record
    if inode.data != nil {
      // What was pending when the record was read may have been written since.
      do throws(Errno) {
        record = try inspect(resources) { (metadata) throws(Errno) in try metadata.inode(inode.number) }
      } catch {
        // The lookup is already counted in the answer, so that it must not fail: use the record as it was read.
      }
    }
    return attributesLocked(record, inode)
  }

  private func attributesLocked(_ record: Inode, _ inode: OpenInode) -> stat {
    var status = stat()
    status.st_ino = UInt(record.number)
    status.st_mode = UInt32(record.mode)
    status.st_nlink = UInt(record.linkCount)
    status.st_uid = record.user
    status.st_gid = record.group
    status.st_size = Int(clamping: inode.data?.byteCount ?? record.byteCount)
    status.st_blksize = blockByteCount
    status.st_blocks = Int(clamping: sectorCount(record, inode.data))
    if record.mode & 0o170000 == 0o020000 || record.mode & 0o170000 == 0o060000 {
      status.st_rdev = UInt(record.device)
    }
    // As the commit will write them: an inode of 128 bytes has whole seconds.
    var shown = record
    if let time = InodeTime(pending: inode.pendingAccessTime.load(ordering: .relaxed)) {
      shown.accessTime = time
    }
    if let time = InodeTime(pending: inode.pendingWriteTime.load(ordering: .relaxed)) {
      shown.noteWrite(at: time)
    }
    status.st_atim = moment(shown.accessTime)
    status.st_mtim = moment(shown.modificationTime)
    status.st_ctim = moment(shown.changeTime)
    return status
  }

  private func moment(_ time: InodeTime) -> timespec {
    timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
  }

  /// The number of 512-byte units that the file has once it is committed and closed; a huge file (`huge_file`) counts blocks.
  private func sectorCount(_ record: Inode, _ data: FileData?) -> UInt64 {
    let onDisk = sectorCount(record)
    guard let data else { return onDisk }
    let unit = UInt64(blockByteCount / 512)
    let spare = data.spareBlockCount(blockByteCount: blockByteCount) * unit
    return onDisk - min(spare, onDisk) + (data.reservedCount + data.promisedCount) * unit
  }

  private func sectorCount(_ record: Inode) -> UInt64 {
    let count = record.unitCount
    let isHuge = record.flags & UInt32(EXT4_HUGE_FILE_FL) != 0
    let blocks = isHuge ? count * UInt64(blockByteCount / 512) : count
    // What lies in the inode counts too, as with the kernel, lest tar(1) take the file for a hole.
    let isInline = record.isRegularFile && record.flags & UInt32(EXT4_INLINE_DATA_FL) != 0
    return isInline ? blocks + (record.byteCount / 512 + (record.byteCount % 512 > 0 ? 1 : 0)) : blocks
  }

  /// The changes of a setattr; nil keeps a value.
  struct AttributeChange {
    var mode: UInt32?
    var user: UInt32?
    var group: UInt32?
    var byteCount: UInt64?
    var accessTime: InodeTime?
    var modificationTime: InodeTime?
    var changeTime: InodeTime?
    /// Whether both times are set to the present one, which needs less permission.
    var isTouch = false

    /// Whether append-only files refuse it.
    fileprivate var isProtected: Bool {
      mode != nil || user != nil || group != nil || (accessTime != nil || modificationTime != nil) && !isTouch
    }
  }

  func setAttributes(_ change: AttributeChange, of number: UInt32, _ resources: ServingResources)
    throws(Errno) -> stat
  {
    try checkWritable()
    let inode = openInode(number)
    // Before anything is changed.
    let old = try inspect(resources) { (metadata) throws(Errno) in try metadata.inode(number) }
    guard !old.isImmutable, !(old.isAppendOnly && change.isProtected) else { throw .notPermitted }
    // Together with a size, the mode is the kernel's for a file that loses its set-user-ID bit; what it does not clear is
    // found out here.
    let mode = change.byteCount == nil ? change.mode : nil
    if let byteCount = change.byteCount {
      // A size that the file cannot have clears nothing.
      try checkSize(byteCount, of: inode, resources)
      let keepsSetID: Bool? = change.mode == nil ? nil : false
      _ = try prepareToWrite(inode, offset: nil, .call(keepsSetID: keepsSetID), resources)
      try truncate(inode, to: byteCount, resources)
      try synchronizeIfAsked(inode, resources)
    }
    inode.lock.lockExclusively()
    defer { inode.lock.unlock() }
    // A pending time of writing would overwrite the one that is set now.
    try commitLocked(inode, resources)
    let record = try self.change(resources) { (metadata) throws(Errno) in
      var record = try metadata.inode(number)
      guard !record.isImmutable else { throw .notPermitted }
      if let mode {
        try metadata.changeList(of: &record, toMode: UInt16(mode & 0o7777))
        record.mode = record.type | UInt16(mode & 0o7777)
        inode.allowsWrites.store(false, ordering: .relaxed)
      }
      if change.user != nil || change.group != nil {
        // The kernel clears the bits where the group may execute the file.
        if mode == nil, record.isRegularFile,
          metadata.mustLoseGroupID(record.mode, group: record.group)
        {
          record.mode &= ~0o2000
        }
        record.setOwner(user: change.user ?? record.user, group: change.group ?? record.group)
      }
      if let time = change.accessTime {
        record.accessTime = time
        inode.pendingAccessTime.store(0, ordering: .relaxed)
      }
      if let time = change.modificationTime { record.modificationTime = time }
      record.changeTime = change.changeTime ?? .now()
      try metadata.write(record)
      return record
    }
    expectAccess(inode)
    return attributesLocked(record, inode)
  }

  /// The answer to statfs(2).
  func statistics(_ resources: ServingResources) throws(Errno) -> statvfs {
    try inspect(resources) { (metadata) throws(Errno) in
      var result = statvfs()
      result.f_bsize = UInt(blockByteCount)
      result.f_frsize = UInt(blockByteCount)
      let free = metadata.availableBlockCount
      let reserved = metadata.rootReserveBlockCount + metadata.heldBackBlockCount
      let overhead = countsOverhead ? 0 : min(try metadata.overheadBlockCount(), metadata.blockCount)
      result.f_blocks = UInt(metadata.blockCount - overhead)
      result.f_bfree = UInt(free)
      result.f_bavail = UInt(free > reserved ? free - reserved : 0)
      result.f_files = UInt(metadata.inodeCount)
      result.f_ffree = UInt(metadata.library.superblock.s_free_inodes_count)
      result.f_favail = result.f_ffree
      result.f_namemax = 255
      return result
    }
  }
}

extension Metadata {
  /// The blocks that hold no files, as the kernel's ext4 counts them: superblocks, descriptors, bitmaps, inode tables and
  /// the journal.
  fileprivate func overheadBlockCount() throws(Errno) -> UInt64 {
    let superblock = library.superblock
    // Structures share clusters, so that their blocks do not add up; mke2fs has counted the clusters.
    let ratio = clusterBlockCount
    if ratio > 1, superblock.s_overhead_clusters > 0 { return UInt64(superblock.s_overhead_clusters) * ratio }
    var count = firstDataBlock
    for group in 0..<library.groupCount {
      // Two bitmaps.
      count +=
        UInt64(try library.copiedBlockCount(ofGroup: group)) + 2 + UInt64(library.inodeTableBlockCount)
    }
    // A number that no inode has is a matter of who opens the journal.
    if superblock.s_journal_inum > 0, superblock.s_journal_inum <= inodeCount {
      count += min(try inode(superblock.s_journal_inum).byteCount / UInt64(blockByteCount), blockCount)
    }
    return count
  }
}
