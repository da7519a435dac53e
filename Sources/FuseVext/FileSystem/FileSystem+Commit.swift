import HostSystem
import Synchronization
import SystemPackage

extension FileSystem {
  /// Writes the file's pending changes to the structures: the blocks with data, the size, the times.
  func commit(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    inode.lock.lockExclusively()
    defer { inode.lock.unlock() }
    try commitLocked(inode, resources)
  }

  /// Commits as ``commit(_:_:)`` does, for a caller that has the inode exclusively.
  func commitLocked(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    // First: no structure may call blocks written that the device does not have.
    try writeDelayed(inode, resources)
    guard inode.isDirty.exchange(false, ordering: .relaxed) else { return }
    let writeTime = inode.pendingWriteTime.exchange(0, ordering: .relaxed)
    let accessTime = inode.pendingAccessTime.exchange(0, ordering: .relaxed)
    let lackedData = inode.lacksData.exchange(false, ordering: .relaxed)
    var step = CommitStep()
    do throws(Errno) {
      while !step.isLast {
        step = try change(resources) { (metadata) throws(Errno) in
          try metadata.batch { (metadata: inout Metadata) throws(Errno) in
            try metadata.commitStep(
              inode.data, of: inode.number, from: step.end, writeTime: InodeTime(pending: writeTime),
              accessTime: InodeTime(pending: accessTime))
          }
        }
        inode.data?.note(step, blockByteCount: blockByteCount)
        if lackedData { noteDataWritten(inode) }
      }
    } catch {
      inode.data?.map.markWritten(below: step.end)
      inode.pendingWriteTime.store(writeTime, ordering: .relaxed)
      inode.pendingAccessTime.store(accessTime, ordering: .relaxed)
      inode.lacksData.store(lackedData, ordering: .relaxed)
      inode.isDirty.store(true, ordering: .relaxed)
      throw error
    }
    // Not earlier: another thread that commits all dirty files waits for this one as long as it is among them.
    dirty.withLock { dirty in
      if !inode.isDirty.load(ordering: .relaxed) { dirty.remove(inode.number) }
    }
    inode.data?.dropReservations()
    inode.data?.map.markWritten(below: .max)
  }

  /// Makes durable what was written to a file, and all that it depends on: data, then structures, then the device's cache.
  ///
  /// - Parameter dataOnly: Times that nobody needs in order to read the data may stay behind, as for fdatasync(2).
  func synchronize(_ inode: OpenInode, dataOnly: Bool = false, _ resources: ServingResources) throws(Errno) {
    // Under the lock: a thread that commits the file now has marked it clean already.
    let (isDirty, lacksData) = inode.lock.shared {
      (inode.isDirty.load(ordering: .relaxed), inode.lacksData.load(ordering: .relaxed))
    }
    if dataOnly, !lacksData, isCommitted(inode.dataTransaction.load(ordering: .sequentiallyConsistent)) {
      return try flushDevice(resources)
    }
    if dataOnly ? lacksData : isDirty { try commit(inode, resources) }
    try flush(resources)
  }

  /// Makes a change of a file durable, where the mount or the file asks for that (`sync`, `FS_SYNC_FL`).
  func synchronizeIfAsked(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    if durability == .everything || inode.isSynchronous.load(ordering: .relaxed) {
      try synchronize(inode, resources)
    }
  }

  /// Whether a transaction is durable, as far as the device is without a flush where there is no journal.
  private func isCommitted(_ transaction: UInt64) -> Bool {
    guard let journal else { return true }
    return journal.finishedCount.load(ordering: .sequentiallyConsistent) > transaction
  }

  private func flushDevice(_ resources: ServingResources) throws(Errno) {
    guard !isReadOnly else { return }
    if hasFailed.load(ordering: .relaxed) { throw .ioError }
    try resources.queue.flush()
  }

  /// Makes durable what structures have: commits the running transaction, or without a journal flushes the device. Blocks
  /// that were freed before may be used again afterwards.
  func flush(_ resources: ServingResources) throws(Errno) {
    guard !isReadOnly else { return }
    let transaction = runningTransaction
    let mark = try inspectSound(resources) { (metadata) in metadata.freed.mark() }
    if journal != nil {
      let isDone = try change(resources) { (metadata) throws(Errno) in
        // Another thread may have committed it while this one waited for the lock, and released what it freed.
        if isCommitted(transaction) { return true }
        try metadata.writeTransaction()
        return false
      }
      if isDone { return }
    } else {
      try resources.queue.flush()
    }
    guard discards else {
      return try inspectSound(resources) { (metadata) in
        metadata.freed.release(before: mark, in: metadata.library)
      }
    }
    try discard(before: mark, resources)
  }

  /// Gives back to the device what was freed before a mark, one range after the other: nobody may get a range while it is
  /// discarded, and the rest is there for a caller that needs it.
  private func discard(before mark: UInt64, _ resources: ServingResources) throws(Errno) {
    // Only one range at a time is out.
    try discarding.exclusively { () throws(Errno) in
      while let range = try inspectSound(resources, { (metadata) in metadata.freed.takeFirst(before: mark) })
      {
        do throws(Errno) {
          try resources.queue.discard(
            byteOffset: range.block * UInt64(blockByteCount), byteCount: range.count * blockByteCount)
        } catch {
          // It is a hint: a device that refuses it has kept what is worth nothing.
        }
        try inspect(resources) { (metadata) throws(Errno) in
          metadata.freed.releaseTaken(in: metadata.library)
        }
      }
    }
  }

  /// As ``inspect(_:_:)``, as long as no change has failed: what one that failed has freed may still be in use on the disk.
  private func inspectSound<Result>(_ resources: ServingResources, _ body: (inout Metadata) -> Result)
    throws(Errno)
    -> Result
  {
    try inspect(resources) { (metadata) throws(Errno) in
      if hasFailed.load(ordering: .relaxed) { throw .ioError }
      return body(&metadata)
    }
  }

  /// Makes everything durable, bitmaps and counters included.
  ///
  /// - Parameter isRegular: Nobody has asked for it, so that lazy times of access stay in memory.
  public func synchronizeAll(_ resources: ServingResources, isRegular: Bool = false) throws(Errno) {
    guard !isReadOnly else { return }
    let failure = commitAll(resources)
    if !(isRegular && accessTimes.isLazy) { try writeAccessTimes(resources) }
    if discards { try flush(resources) }
    try change(resources) { (metadata) throws(Errno) in try metadata.commitTransaction() }
    if let failure { throw failure }
  }

  /// Commits every dirty inode. If one finds no room, the others are committed nevertheless.
  private func commitAll(_ resources: ServingResources) -> Errno? {
    var failure: Errno?
    for number in dirty.withLock({ Array($0) }) {
      guard let inode = knownInode(number) else { continue }
      do throws(Errno) { try commit(inode, resources) } catch { failure = failure ?? error }
    }
    return failure
  }

  /// Ends a mount: frees files without names, writes everything and says in the superblock that it was done.
  ///
  /// Nobody else may use the file system any more. After a failure the mark of a clean unmount stays away.
  public func close(_ resources: ServingResources) throws(Errno) {
    defer { releaseClaim() }
    guard !isReadOnly else { return }
    if hasFailed.load(ordering: .relaxed) { throw .ioError }
    var failure: Errno?
    for entry in known.withLock({ Array($0.values) }) {
      // One that finds no room is no reason to leave the others unwritten.
      do throws(Errno) { try end(entry.inode, resources) } catch { failure = failure ?? error }
    }
    try writeAccessTimes(resources)
    known.withLock { $0 = [:] }
    if discards { try flush(resources) }
    try change(resources) { (metadata) throws(Errno) in
      if failure == nil { try metadata.markClean() } else { try metadata.commitTransaction() }
    }
    if let failure { throw failure }
  }

  private func end(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    if inode.isOrphan.load(ordering: .relaxed) { return try free(inode, resources) }
    try trim(inode, resources)
    try commit(inode, resources)
  }
}
