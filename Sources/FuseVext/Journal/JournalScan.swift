import SystemPackage

/// Why a journal is not replayed. Nothing was written then.
enum JournalFailure: Error, Equatable {
  /// The journal contradicts itself; the text says how.
  case corrupted(String)
  /// A feature of the journal that is not known.
  case unknownFeature(String)
  /// The newest changes are in fast commits.
  case fastCommits
  /// The kernel gave the journal up after an error.
  case recordedError
  case device(Errno)
}

/// A transaction of the log.
struct JournalledTransaction {
  /// The copy of a block of the file system.
  struct Copy {
    /// The block of the file system.
    var target: UInt64
    /// The journal's block that has the copy.
    var position: UInt32
    /// The checksum in the tag.
    var checksum: UInt32
    var isEscaped: Bool
  }

  let sequence: UInt32
  var copies: [Copy] = []
  /// Blocks of which neither this transaction nor an earlier one has a copy that counts.
  var revocations: [UInt64] = []
}

/// The first pass over a log: finds its end, and what each transaction that was committed holds.
///
/// As the kernel's, it takes what looks like a transaction but is older than the last one for what was in the journal
/// before, and everything else with a wrong checksum for corruption. Memory and time are bounded by the log's length.
struct JournalScan {
  private(set) var transactions: [JournalledTransaction] = []
  /// The number that follows the last transaction's.
  private(set) var endSequence: UInt32
  /// The block behind the last transaction.
  private(set) var head: UInt32

  private let superblock: JournalSuperblock
  private let layout: JournalLayout
  private let reader: JournalReader
  private let ring: Range<UInt32>
  private var position: UInt32
  private var visitedCount: UInt64 = 0

  // Of the transaction that is being read.
  private var current: JournalledTransaction
  /// A descriptor or revoke block has a wrong checksum: the commit block's time tells what that means.
  private var hasBadBlock = false
  /// The checksum of version 1 so far.
  private var sum = JournalChecksum.start

  /// The time of the last commit.
  private var lastSeconds: UInt64 = 0
  /// The first transaction with a wrong checksum, where the next one decides what that means.
  private var torn: UInt32?

  /// Reads the log of a superblock whose fields were checked, and which has a start.
  init(_ superblock: JournalSuperblock, _ reader: JournalReader) throws(JournalFailure) {
    self.superblock = superblock
    self.reader = reader
    layout = JournalLayout(superblock)
    ring = superblock.firstBlock..<superblock.logEnd
    position = superblock.startBlock
    head = position
    endSequence = superblock.sequence
    current = JournalledTransaction(sequence: endSequence)
    while visitedCount < UInt64(ring.count), try readNext() {}
    if let torn { endSequence = torn }
  }

  /// Reads one block, and the copies that it describes. Returns false at the end of the log.
  private mutating func readNext() throws(JournalFailure) -> Bool {
    let block = try take()
    guard let header = JournalHeader(block), header.sequence == current.sequence else { return false }
    switch header.type {
    case .descriptor:
      hasBadBlock = hasBadBlock || !layout.hasValidTail(block)
      try addCopies(of: layout.tags(inDescriptor: block), block)
      return true
    case .revoke:
      hasBadBlock = hasBadBlock || !layout.hasValidTail(block)
      if hasBadBlock { return true }
      guard let numbers = layout.revocations(in: block) else {
        throw .corrupted("revoke block of transaction \(current.sequence)")
      }
      current.revocations += numbers
      return true
    case .commit:
      guard let commit = JournalCommit(block) else { return false }
      return try end(commit, block)
    case .superblockVersion1, .superblockVersion2:
      return false
    }
  }

  private mutating func addCopies(of tags: [JournalTag], _ descriptor: [UInt8]) throws(JournalFailure) {
    let sums = layout.checksumVersion == .version1 && torn == nil
    if sums { sum = JournalChecksum.crc32(sum, descriptor) }
    for tag in tags {
      current.copies.append(
        JournalledTransaction.Copy(
          target: tag.block, position: position, checksum: tag.checksum,
          isEscaped: tag.flags.contains(.escaped)))
      if sums { sum = JournalChecksum.crc32(sum, try take()) } else { advance() }
    }
  }

  private mutating func end(_ commit: JournalCommit, _ block: [UInt8]) throws(JournalFailure) -> Bool {
    let isOlder = commit.seconds < lastSeconds
    if hasBadBlock {
      if isOlder { return false }
      throw .corrupted("checksum in transaction \(current.sequence)")
    }
    // A transaction behind a torn one: that was not the last, so it was not torn.
    if let torn { throw .corrupted("checksum in transaction \(torn)") }
    if !hasValidChecksum(commit, block) {
      if isOlder { return false }
      guard superblock.incompatible.contains(.asyncCommit) else {
        throw .corrupted("checksum of transaction \(current.sequence)")
      }
      torn = current.sequence
    } else {
      transactions.append(current)
      head = position
    }
    lastSeconds = commit.seconds
    sum = JournalChecksum.start
    current = JournalledTransaction(sequence: current.sequence &+ 1)
    endSequence = current.sequence
    return true
  }

  private func hasValidChecksum(_ commit: JournalCommit, _ block: [UInt8]) -> Bool {
    guard layout.checksumVersion == .version1 else { return layout.hasValidChecksum(commit: block) }
    let isUnused = commit.checksumType == 0 && commit.checksumSize == 0 && commit.checksum == 0
    return isUnused
      || commit.checksumType == JournalCommit.crc32Type && commit.checksumSize == JournalCommit.crc32Size
        && commit.checksum == sum
  }

  private mutating func take() throws(JournalFailure) -> [UInt8] {
    defer { advance() }
    do throws(Errno) { return try reader.block(position) } catch { throw .device(error) }
  }

  private mutating func advance() {
    visitedCount += 1
    position = position + 1 < ring.upperBound ? position + 1 : ring.lowerBound
  }

  /// Drops the last transaction, which did not reach the device as a whole.
  mutating func dropLast() {
    guard let last = transactions.popLast() else { return }
    endSequence = last.sequence
  }
}
