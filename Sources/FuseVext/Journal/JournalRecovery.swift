import CExt2
import SystemPackage

/// The recovery of a journal at mount, before libext2fs opens the file system.
struct JournalRecovery {
  private let device: any BlockDevice
  private let queue: any BlockQueue
  private let summary: SuperblockSummary
  private let reader: JournalReader
  private let map: ExtentMap
  private var superblock: JournalSuperblock

  /// Replays the journal if the superblock says that it needs that.
  ///
  /// A crash at any moment leaves a journal that can be replayed again, or whose replay is complete: blocks become durable
  /// first, then errors that the journal has recorded, then the empty log, then the end of the recovery.
  ///
  /// - Parameter readOnly: A journal that needs no recovery is not even read.
  /// - Returns: The number of transactions, or nil if the journal needed no recovery.
  /// - Throws: Why the file system is not mounted. Of a journal that is corrupted nothing was written.
  static func perform(
    device: any BlockDevice, queue: any BlockQueue, summary: SuperblockSummary, readOnly: Bool
  ) throws(MountFailure) -> Int? {
    let name = device.name
    guard summary.needsRecovery || !readOnly && summary.hasJournal else { return nil }
    guard summary.hasJournal else { throw .corrupted(name) }
    guard summary.journalInode != 0 else { throw .externalJournal(name) }
    guard !device.isReadOnly else { throw .dirtyJournal(name) }
    do throws(JournalFailure) {
      var recovery = try JournalRecovery(device: device, queue: queue, summary: summary)
      return try recovery.perform()
    } catch {
      switch error {
      case .corrupted(let what): throw .corruptedJournal(name, what)
      case .unknownFeature(let feature): throw .unsupportedFeature(name, feature)
      case .fastCommits: throw .fastCommits(name)
      case .recordedError: throw .notClean(name)
      case .device(let error): throw error == .corrupted ? .corrupted(name) : .device(name, error)
      }
    }
  }

  private init(device: any BlockDevice, queue: any BlockQueue, summary: SuperblockSummary)
    throws(JournalFailure)
  {
    self.device = device
    self.queue = queue
    self.summary = summary
    let map: ExtentMap
    let block: [UInt8]
    do throws(Errno) {
      // Inodes of the journal's kind are never changed, so that it is found before the replay.
      map = try Metadata(
        device: device, queue: queue, geometry: summary.geometry, readOnly: true
      ).journalMap()
      reader = try JournalReader(
        device: device, queue: queue, map: map, blockByteCount: summary.blockByteCount)
      block = try reader.block(0)
    } catch {
      throw .device(error)
    }
    self.map = map
    guard let superblock = JournalSuperblock(block) else { throw .corrupted("superblock") }
    if let feature = superblock.unknownFeature { throw .unknownFeature(feature) }
    let first = map.runs.first
    var mapped: UInt64 = 0
    for run in map.runs where run.logical == mapped { mapped = run.logicalEnd }
    if let problem = superblock.problem(
      fileSystemBlockByteCount: summary.blockByteCount, mappedBlockCount: first == nil ? 0 : mapped)
    {
      throw .corrupted(problem)
    }
    self.superblock = superblock
  }

  private mutating func perform() throws(JournalFailure) -> Int? {
    guard summary.needsRecovery else {
      if superblock.error != 0 { throw .recordedError }
      try discardLog()
      return nil
    }
    var replay: JournalReplay?
    if superblock.startBlock != 0 {
      let found = try JournalReplay(
        superblock, reader, journal: map, targets: summary.firstDataBlock..<summary.blockCount)
      let area = FastCommitArea(superblock, reader)
      if try area.holdsCommits(after: found.endSequence) { throw .fastCommits }
      replay = found
    }
    do throws(Errno) {
      let editor = try SuperblockEditor(device: device, queue: queue)
      let old = editor.value
      if let replay {
        try replay.write(device: device, queue: queue)
        try editor.read()
      }
      let hasError = superblock.error != 0
      try editor.change { superblock in
        SuperblockEditor.keepErrors(of: old, in: &superblock)
        if hasError { superblock.s_state |= UInt16(EXT2_ERROR_FS) }
      }
      replay?.empty(&superblock)
      superblock.error = 0
      try writeSuperblock()
      try editor.change { $0.s_feature_incompat &= ~UInt32(EXT3_FEATURE_INCOMPAT_RECOVER) }
    } catch {
      throw .device(error)
    }
    return replay?.transactionCount ?? 0
  }

  /// Empties a log of a file system that needs no recovery, as the kernel does: what it holds is older than the file system.
  private mutating func discardLog() throws(JournalFailure) {
    guard superblock.startBlock != 0 else { return }
    do throws(JournalFailure) {
      let scan = try JournalScan(superblock, reader)
      superblock.sequence = scan.endSequence &+ 1
    } catch .corrupted {
      superblock.sequence &+= 1
    }
    superblock.startBlock = 0
    superblock.head = superblock.firstBlock
    do throws(Errno) { try writeSuperblock() } catch { throw .device(error) }
  }

  /// Writes the journal's superblock, and makes it durable.
  private mutating func writeSuperblock() throws(Errno) {
    superblock.updateChecksum()
    guard let first = map.runs.first else { throw .corrupted }
    let buffer = try device.allocateBuffer(byteCount: summary.blockByteCount)
    let memory = buffer.slice(0, summary.blockByteCount)
    let offset = first.physical * UInt64(summary.blockByteCount)
    try queue.perform(BlockRequest(.read, byteOffset: offset, memory: memory))
    memory.copy(from: superblock.bytes)
    try queue.perform(BlockRequest(.write, byteOffset: offset, memory: memory))
    try queue.flush()
  }
}
