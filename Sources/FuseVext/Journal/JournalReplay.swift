import SystemPackage

/// The second and third pass over a log: finds the newest copy of each block, and writes it into place.
struct JournalReplay {
  private let scan: JournalScan
  private let layout: JournalLayout
  private let reader: JournalReader
  /// The newest copies that no transaction revokes, by their place in the file system.
  private let copies: [JournalledTransaction.Copy]

  /// Number of transactions to replay.
  var transactionCount: Int { scan.transactions.count }

  /// The number that follows the last transaction's.
  var endSequence: UInt32 { scan.endSequence }

  /// Reads the whole log and checks everything that is to be written. Writes nothing.
  ///
  /// - Parameters:
  ///   - superblock: Its fields were checked, and it has a start.
  ///   - journal: Where the journal itself is.
  ///   - targets: The blocks of the file system that there are.
  init(
    _ superblock: JournalSuperblock, _ reader: JournalReader, journal: ExtentMap, targets: Range<UInt64>
  ) throws(JournalFailure) {
    self.reader = reader
    layout = JournalLayout(superblock)
    var scan = try JournalScan(superblock, reader)
    if superblock.incompatible.contains(.asyncCommit), let last = scan.transactions.last {
      for copy in last.copies where try !Self.isIntact(copy, of: last.sequence, layout, reader) {
        // The commit block has overtaken the copy.
        scan.dropLast()
        break
      }
    }
    self.scan = scan

    var revoked: [UInt64: UInt32] = [:]
    for transaction in scan.transactions {
      for block in transaction.revocations { revoked[block] = transaction.sequence }
    }
    let journalRuns = journal.runs.sorted { $0.physical < $1.physical }
    var newest: [UInt64: JournalledTransaction.Copy] = [:]
    for transaction in scan.transactions {
      for copy in transaction.copies {
        if let last = revoked[copy.target], !JournalFormat.isLater(transaction.sequence, than: last) {
          continue
        }
        guard targets.contains(copy.target), !Self.contains(copy.target, journalRuns) else {
          throw .corrupted("block \(copy.target) in transaction \(transaction.sequence)")
        }
        guard try Self.isIntact(copy, of: transaction.sequence, layout, reader) else {
          throw .corrupted("checksum of block \(copy.target) in transaction \(transaction.sequence)")
        }
        newest[copy.target] = copy
      }
    }
    copies = newest.values.sorted { $0.target < $1.target }
  }

  private static func isIntact(
    _ copy: JournalledTransaction.Copy, of sequence: UInt32, _ layout: JournalLayout, _ reader: JournalReader
  ) throws(JournalFailure) -> Bool {
    guard layout.hasBlockChecksums else { return true }
    do throws(Errno) {
      return try reader.bytes(of: copy.position).withBytes { bytes in
        layout.tagChecksum(sequence: sequence, data: bytes) == copy.checksum
      }
    } catch {
      throw .device(error)
    }
  }

  /// Whether a block is one of runs that are sorted by their place on the device.
  private static func contains(_ block: UInt64, _ runs: [Run]) -> Bool {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].physical <= block { low = middle + 1 } else { high = middle }
    }
    return low > 0 && block - runs[low - 1].physical < runs[low - 1].count
  }

  /// Writes the copies into place, and flushes the device.
  func write(device: any BlockDevice, queue: any BlockQueue) throws(Errno) {
    let size = layout.blockByteCount
    let largest = max((256 << 10) / size, 1)
    let buffer = try device.allocateBuffer(byteCount: largest * size)
    var first = 0
    while first < copies.count {
      var count = 0
      while count < largest, first + count < copies.count,
        copies[first + count].target == copies[first].target + UInt64(count)
      {
        let copy = copies[first + count]
        let target = buffer.slice(count * size, size)
        target.copy(from: try reader.bytes(of: copy.position))
        if copy.isEscaped { target.store(JournalFormat.magic.bigEndian) }
        count += 1
      }
      try queue.perform(
        BlockRequest(
          .write, byteOffset: copies[first].target * UInt64(size), memory: buffer.slice(0, count * size)))
      first += count
    }
    try queue.flush()
  }

  /// Says in the journal's superblock that the log is empty. Transactions go on behind it, with a number that no block
  /// in the log can have.
  func empty(_ superblock: inout JournalSuperblock) {
    superblock.startBlock = 0
    superblock.sequence = scan.endSequence &+ 1
    superblock.head = scan.head
  }
}
