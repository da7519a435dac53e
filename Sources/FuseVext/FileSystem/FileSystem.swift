import CExt2
import HostSystem
import Synchronization
import SystemPackage

/// An ext2, ext3 or ext4 file system on a ``BlockDevice``, for many threads at once.
///
/// Every operation takes the ``ServingResources`` of the thread that calls. Inodes go by their numbers on the disk.
///
/// Locks, in the order in which they are taken: an inode's, the metadata's, the table of known inodes.
public final class FileSystem: Sendable {
  /// The number of the root directory.
  public static let root: UInt32 = 2

  /// The device of the file system.
  public let device: any BlockDevice
  /// Whether changes are refused.
  public let isReadOnly: Bool
  /// Number of transactions that opening has replayed; nil if the journal needed no recovery.
  public let replayedTransactionCount: Int?
  let blockByteCount: Int
  let sizeLimits: SizeLimits
  /// The meters of steps that change the blocks of files.
  let meters: (extents: StepMeter, blockMap: StepMeter)
  let discards: Bool
  let countsOverhead: Bool
  let durability: Durability
  let accessTimes: AccessTimes
  /// The supported kinds of extended attributes besides ``AttributeName/Namespace/trusted`` and `security`.
  let attributeSupport: AttributeSupport
  /// The progress of the journal's commits; nil without a journal.
  let journal: JournalLog.Progress?
  /// Whether a file has several spellings of its name, so that the kernel must ask each time.
  let foldsNames: Bool
  /// Whether some files may be encrypted.
  let encrypts: Bool
  /// Whether values of attributes may have inodes of their own.
  let separatesAttributeValues: Bool
  /// The claim that tells other hosts of this mount; nil if none is needed (`mmp`).
  let claim: Locked<MountClaim>?
  let metadata: Locked<Metadata>
  let known = Mutex<[UInt32: KnownInode]>([:])
  /// The numbers of inodes that are newer than the disk's copy.
  let dirty = Mutex<Set<UInt32>>([])
  /// The numbers of inodes whose time of access is newer than the disk's.
  let accessed = Mutex<Set<UInt32>>([])
  /// Bounds the writes that exist only in memory.
  let delayedRoom = DelayedRoom(byteCount: delayedByteCount)
  /// Held while freed blocks are discarded.
  let discarding = ThreadLock()
  /// Whether structures were left half-changed, so that nothing may be written any more.
  let hasFailed = Atomic<Bool>(false)
  /// Receives one line about the failure that ended all changes, at most once. Set it before other threads use the file
  /// system.
  public let failureReport = Mutex<(@Sendable (String) -> Void)?>(nil)

  /// The changes that are durable when they are answered, without an fsync.
  public enum Durability: Equatable, Sendable {
    /// Changes of files and directories whose flags ask for it.
    case byFlags
    /// Changes of names (`dirsync`).
    case names
    /// Changes of names and of files (`sync`).
    case everything
  }

  struct KnownInode {
    let inode: OpenInode
    /// Number of answers to the kernel that have named the inode.
    var lookupCount: UInt64
  }

  /// Opens the file system, and replays its journal if that needs recovery. Writes nothing else; before the first change
  /// comes ``begin(_:)``.
  ///
  /// - Parameters:
  ///   - discards: Freed blocks are given back to the device.
  ///   - countsOverhead: statfs counts the blocks of structures among the blocks that there are.
  ///   - durability: Which changes are durable when they are answered.
  ///   - accessTimes: Which reads set the time of access.
  ///   - attributeSupport: Which optional kinds of extended attributes there are.
  ///   - leavesJournal: A journal that needs recovery is left as it is, if nothing may be changed.
  ///   - writesJournal: If the file system has a journal, changes of structures go through it.
  public init(
    device: any BlockDevice, resources: ServingResources, readOnly: Bool, discards: Bool = false,
    countsOverhead: Bool = false, durability: Durability = .byFlags, accessTimes: AccessTimes = .init(),
    attributeSupport: AttributeSupport = .all, leavesJournal: Bool = false, writesJournal: Bool = true
  ) throws(MountFailure) {
    let readOnly = readOnly || device.isReadOnly
    var summary = try SuperblockSummary(device: device, queue: resources.queue, readOnly: readOnly)
    let replays = !(readOnly && leavesJournal)
    let claim =
      !readOnly || replays && summary.needsRecovery
      ? try Self.claim(summary, device: device) : nil
    self.claim = claim
    if replays {
      replayedTransactionCount = try JournalRecovery.perform(
        device: device, queue: resources.queue, summary: summary, readOnly: readOnly)
      if replayedTransactionCount != nil {
        summary = try SuperblockSummary(device: device, queue: resources.queue, readOnly: readOnly)
      }
    } else {
      replayedTransactionCount = nil
    }
    self.device = device
    self.discards = discards
    self.countsOverhead = countsOverhead
    self.durability = durability
    self.accessTimes = accessTimes
    self.attributeSupport = attributeSupport
    isReadOnly = readOnly
    blockByteCount = summary.blockByteCount
    do throws(Errno) {
      var opened = try Metadata(
        device: device, queue: resources.queue, geometry: summary.geometry, readOnly: readOnly)
      guard try opened.inode(Self.root).isDirectory else { throw .corrupted }
      if writesJournal, !readOnly { try opened.openJournal(device: device) }
      journal = opened.log?.progress
      separatesAttributeValues = opened.hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_EA_INODE)
      foldsNames = opened.nameFolding != nil
      encrypts = opened.hasFeature(incompatible: EXT4_FEATURE_INCOMPAT_ENCRYPT)
      if !readOnly { try opened.readOrphans() }
      sizeLimits = opened.sizeLimits
      meters = (opened.stepMeter(usesExtents: true), opened.stepMeter(usesExtents: false))
      opened.usesAccessControlLists = attributeSupport.contains(.accessControlLists)
      metadata = Locked(opened)
    } catch {
      throw error == .corrupted
        ? MountFailure.corrupted(device.name) : MountFailure.device(device.name, error)
    }
    if readOnly { releaseClaim() }
  }

  /// Marks the file system as in use until ``close(_:)``, and finishes interrupted changes of its last user.
  public func begin(_ resources: ServingResources) throws(Errno) {
    guard !isReadOnly else { return }
    try change(resources) { (metadata) throws(Errno) in try metadata.markInUse() }
    try endOrphans(resources)
  }

  // MARK: Metadata

  /// Reads structures.
  func inspect<Result>(
    _ resources: ServingResources, _ body: (inout Metadata) throws(Errno) -> Result
  ) throws(Errno) -> Result {
    try metadata.withLock { (metadata) throws(Errno) in
      metadata.cache.queue = resources.queue
      metadata.caller = resources.caller
      return try body(&metadata)
    }
  }

  /// Changes structures, as one step of the journal's running transaction. If the device fails or structures turn out wrong on
  /// the way, nothing is changed from then on.
  ///
  /// - Parameter body: Leaves the structures consistent, also when it throws. It is called again if it finds no space
  ///   although blocks were freed that a commit lets it have.
  func change<Result>(
    _ resources: ServingResources, _ body: (inout Metadata) throws(Errno) -> Result
  ) throws(Errno) -> Result {
    try checkWritable()
    return try metadata.withLock { (metadata) throws(Errno) in
      // The thread that had the lock before may have failed, and left in memory what must not reach the device.
      try checkWritable()
      metadata.cache.queue = resources.queue
      metadata.caller = resources.caller
      do throws(Errno) {
        if metadata.isShortOfBlocks || metadata.hasLargeTransaction { try metadata.commitTransaction() }
        do throws(Errno) {
          return try body(&metadata)
        } catch .noSpace where metadata.freed.blockCount > 0 {
          try metadata.commitTransaction()
          return try body(&metadata)
        }
      } catch {
        if error == .ioError || error == .corrupted || metadata.cache.writeError != nil {
          fail(&metadata, error)
        }
        throw error
      }
    }
  }

  func checkWritable() throws(Errno) {
    if isReadOnly { throw .readOnlyFileSystem }
    if hasFailed.load(ordering: .relaxed) { throw .readOnlyFileSystem }
  }

  // MARK: The inodes that the kernel knows

  /// Counts an answer that names an inode.
  @discardableResult
  func remember(_ number: UInt32) -> OpenInode {
    known.withLock { known in
      if let entry = known[number] {
        known[number]?.lookupCount += 1
        return entry.inode
      }
      let inode = makeOpenInode(number)
      known[number] = KnownInode(inode: inode, lookupCount: 1)
      return inode
    }
  }

  func makeOpenInode(_ number: UInt32) -> OpenInode {
    OpenInode(number: number, transaction: runningTransaction)
  }

  /// The number of the journal's running transaction; 0 without a journal.
  var runningTransaction: UInt64 { journal?.begunCount.load(ordering: .sequentiallyConsistent) ?? 0 }

  /// The inode; nil if the kernel does not know it.
  func knownInode(_ number: UInt32) -> OpenInode? { known.withLock { $0[number]?.inode } }

  /// The inode; makes an object for an inode that is not counted, such as the root.
  func openInode(_ number: UInt32) -> OpenInode {
    known.withLock { known in
      if let entry = known[number] { return entry.inode }
      let inode = makeOpenInode(number)
      known[number] = KnownInode(inode: inode, lookupCount: 0)
      return inode
    }
  }

  /// The kernel has dropped `count` answers that named an inode; the last one frees a file without a name.
  public func forget(_ number: UInt32, count: UInt64, _ resources: ServingResources) throws(Errno) {
    guard let inode = knownInode(number) else { return }
    var failure: Errno?
    // Clean or not: another thread may be at it, and who looks the name up next reads what it writes.
    if !inode.isOrphan.load(ordering: .relaxed) {
      do throws(Errno) {
        try commit(inode, resources)
        try writeAccessTime(of: inode, resources)
      } catch {
        failure = error
      }
    }
    let isLast = known.withLock { known in
      guard let entry = known[number] else { return false }
      if entry.lookupCount > count {
        known[number]?.lookupCount -= count
        return false
      }
      // If the write failed, the changes exist only here.
      known[number] = failure == nil ? nil : KnownInode(inode: inode, lookupCount: 0)
      return true
    }
    if isLast, inode.isOrphan.load(ordering: .relaxed) { try free(inode, resources) }
    if let failure { throw failure }
  }

  /// Frees a file that has no name and no user.
  ///
  /// The kernel is done with it, but a thread of ours may still be about to write what is dirty of it, or to trim it: it
  /// finishes first, or finds nothing to do. The number may be another file's by then.
  func free(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    inode.lock.lockExclusively()
    defer { inode.lock.unlock() }
    _ = dirty.withLock { $0.remove(inode.number) }
    inode.isDirty.store(false, ordering: .relaxed)
    let data = inode.data
    inode.data = nil
    if separatesAttributeValues { try freeAttributeValues(of: inode.number, resources) }
    let found = try change(resources) { (metadata) throws(Errno) -> (ExtentMap, usesExtents: Bool)? in
      if let data { metadata.giveBackReserved(data) }
      guard metadata.isOrphan(inode.number) else { return nil }
      let record = try metadata.inode(inode.number)
      return (record.hasBlocks ? try metadata.runs(of: record) : ExtentMap(), record.usesExtents)
    }
    guard let (map, usesExtents) = found else { return }
    try freeInSteps(0..<UInt64.max, map: map, usesExtents: usesExtents) { (step, isLast) throws(Errno) in
      try change(resources) { (metadata) throws(Errno) in
        if isLast {
          var record = try metadata.inode(inode.number)
          try metadata.free(&record)
        } else {
          try metadata.cut(inode.number, at: step.lowerBound * UInt64(blockByteCount))
        }
      }
    }
  }

  /// Frees what the attributes of a file without a name have outside of it, one step for each.
  private func freeAttributeValues(of number: UInt32, _ resources: ServingResources) throws(Errno) {
    var isLeft = true
    while isLeft {
      isLeft = try change(resources) { (metadata) throws(Errno) in
        guard metadata.isOrphan(number) else { return false }
        return try metadata.removeAttributeValue(of: number)
      }
    }
  }

  /// A file has lost its last name: it is freed now, or when the kernel forgets it.
  func lostName(_ record: Inode, _ resources: ServingResources) throws(Errno) {
    guard record.linkCount == 0 else { return }
    let unused = known.withLock { known -> OpenInode? in
      guard let entry = known[record.number] else { return makeOpenInode(record.number) }
      guard entry.lookupCount == 0 else {
        entry.inode.isOrphan.store(true, ordering: .relaxed)
        return nil
      }
      known[record.number] = nil
      return entry.inode
    }
    if let unused { try free(unused, resources) }
  }
}
