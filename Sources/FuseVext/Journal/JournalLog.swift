import HostSystem
import Synchronization
import SystemPackage

/// The writing end of a journal: appends transactions to the log, and empties it when their blocks are in place.
///
/// The log is a ring of the journal's blocks from `s_first` on. A transaction is made of revoke blocks, of descriptor blocks, each
/// followed by the copies that it describes, and of a commit block, which is written after the device has flushed all
/// that came before.
///
/// Belongs to the thread that holds the lock of the metadata; requests go through the cache's queue.
final class JournalLog {
  private let cache: MetadataCache
  /// The device's block of each block of the journal.
  private let map: ExtentMap
  private var superblock: JournalSuperblock
  private let layout: JournalLayout
  /// The log's blocks.
  private let ring: Range<UInt32>
  /// The block at which the next transaction begins.
  private var head: UInt32
  private var freeCount: UInt32
  /// The number of the running transaction.
  private(set) var sequence: UInt32
  /// Numbers transactions from 0 on, for any thread to read.
  let progress = Progress()
  private let buffer: BlockBuffer
  private let bufferBlockCount: Int

  /// Opens a journal whose log is empty, and sets the features that transactions are written with. Writes nothing.
  ///
  /// - Parameters:
  ///   - map: Where the journal is; checked against the device.
  ///   - hasChecksums: Blocks get checksums of version 3.
  ///   - is64Bit: Block numbers get 64 bits.
  /// - Throws: `EUCLEAN` for a journal that makes no sense or is shorter than the format allows.
  init(
    device: any BlockDevice, cache: MetadataCache, map: ExtentMap, hasChecksums: Bool, is64Bit: Bool
  ) throws(Errno) {
    self.cache = cache
    self.map = map
    bufferBlockCount = max(MetadataCache.writeByteCount / cache.blockByteCount, 2)
    buffer = try device.allocateBuffer(byteCount: bufferBlockCount * cache.blockByteCount)
    guard let first = map.run(atOrAfter: 0), first.logical == 0 else { throw .corrupted }
    let memory = buffer.slice(0, cache.blockByteCount)
    try cache.queue.perform(
      BlockRequest(
        .read, byteOffset: first.physical * UInt64(cache.blockByteCount), memory: memory))
    guard var superblock = JournalSuperblock(memory.bytes), superblock.isVersion2,
      superblock.blockByteCount == UInt32(cache.blockByteCount), superblock.startBlock == 0
    else { throw .corrupted }
    superblock.compatible = []
    superblock.incompatible = [.revoke]
    if is64Bit { superblock.incompatible.insert(.blockNumbers64Bit) }
    if hasChecksums { superblock.incompatible.insert(.checksumVersion3) }
    superblock.checksumType = hasChecksums ? JournalSuperblock.crc32cType : 0
    self.superblock = superblock
    guard superblock.firstBlock > 0, superblock.blockCount >= JournalFormat.leastBlockCount,
      superblock.firstBlock <= superblock.blockCount / 2,
      map.holes(in: 0..<UInt64(superblock.blockCount)).isEmpty
    else { throw .corrupted }
    layout = JournalLayout(superblock)
    ring = superblock.firstBlock..<superblock.blockCount
    head = ring.lowerBound
    freeCount = UInt32(ring.count)
    sequence = superblock.sequence
  }

  /// The progress of commits. Any thread.
  final class Progress: Sendable {
    /// The number of commits that have begun, so that of the running transaction.
    let begunCount = Atomic<UInt64>(0)
    /// The number of commits that are durable.
    let finishedCount = Atomic<UInt64>(0)
  }

  /// A transaction with at most this many changed blocks fits into the log.
  var largestTransaction: Int { ring.count / 2 - ring.count / 2 / layout.tagsPerDescriptor - 32 }

  // MARK: Commit

  /// Makes the cache's running transaction durable, and with it all data that were written before.
  ///
  /// - Throws: `ENOSPC` if the log has no room for it; nothing was written then.
  func commit() throws(Errno) {
    // Before the flush: data that are written from now on are the next commit's.
    let number = progress.begunCount.add(1, ordering: .sequentiallyConsistent).newValue
    try write()
    progress.finishedCount.store(number, ordering: .sequentiallyConsistent)
    if freeCount < ring.count / 2 { try checkpoint() }
  }

  private func write() throws(Errno) {
    guard let transaction = cache.transaction, !transaction.isEmpty else { return try cache.queue.flush() }
    let blocks = transaction.changed.sorted()
    let revoked = transaction.revoked.sorted()
    let descriptorCount = (blocks.count + layout.tagsPerDescriptor - 1) / layout.tagsPerDescriptor
    let revokeCount = (revoked.count + layout.revocationsPerBlock - 1) / layout.revocationsPerBlock
    let needed = blocks.count + descriptorCount + revokeCount + 1
    guard needed <= freeCount else { throw .noSpace }

    let start = head
    var writer = Writer(position: head)
    for first in stride(from: 0, to: revoked.count, by: layout.revocationsPerBlock) {
      let part = revoked[first..<min(first + layout.revocationsPerBlock, revoked.count)]
      try append(layout.revokeBlock(sequence: sequence, part), &writer)
    }
    for first in stride(from: 0, to: blocks.count, by: layout.tagsPerDescriptor) {
      try append(blocks[first..<min(first + layout.tagsPerDescriptor, blocks.count)], &writer)
    }
    try send(&writer)
    if freeCount == ring.count {
      // The log was empty: a replay begins here.
      superblock.startBlock = start
      superblock.sequence = sequence
      try writeSuperblock()
    }
    try cache.queue.flush()
    let now = HostClock.realtimeNanoseconds()
    try append(
      layout.commitBlock(
        JournalCommit(
          sequence: sequence, seconds: now / 1_000_000_000, nanoseconds: UInt32(now % 1_000_000_000))),
      &writer)
    try send(&writer)
    try cache.queue.flush()
    head = writer.position
    freeCount -= UInt32(needed)
    sequence &+= 1
    cache.transaction?.noteCommit()
  }

  /// Writes all committed blocks to their places and empties the log. The running transaction is empty.
  func checkpoint() throws(Errno) {
    guard freeCount < ring.count else { return }
    try cache.writeCommitted()
    try cache.queue.flush()
    superblock.startBlock = 0
    superblock.sequence = sequence
    try writeSuperblock()
    try cache.queue.flush()
    freeCount = UInt32(ring.count)
    cache.transaction?.noteCheckpoint()
  }

  /// Records that the file system was given up because of an error, so that a replay marks it erroneous.
  func recordError(_ error: Errno) throws(Errno) {
    superblock.error = UInt32(bitPattern: -error.rawValue)
    try writeSuperblock()
  }

  // MARK: Blocks

  /// Blocks on their way to the log.
  private struct Writer {
    /// The position of the next block.
    var position: UInt32
    /// The blocks in the buffer, which go before `position`.
    var count = 0
  }

  /// Appends a descriptor block and the copies of the blocks that it describes.
  private func append(_ blocks: ArraySlice<UInt64>, _ writer: inout Writer) throws(Errno) {
    let tags = try blocks.map { (block) throws(Errno) in try tag(of: block) }
    try append(layout.descriptor(sequence: sequence, tags: tags[...]), &writer)
    for (block, tag) in zip(blocks, tags) {
      try makeRoom(&writer)
      let memory = buffer.slice(writer.count * cache.blockByteCount, cache.blockByteCount)
      try cache.copy(block: block, to: memory)
      if tag.flags.contains(.escaped) { memory.store(UInt32(0)) }
      advance(&writer)
    }
  }

  private func tag(of block: UInt64) throws(Errno) -> JournalTag {
    let content = try cache.content(of: block)
    if UInt32(bigEndian: content.load(UInt32.self)) == JournalFormat.magic {
      let escaped = [0, 0, 0, 0] + content.bytes.dropFirst(4)
      let checksum = layout.tagChecksum(sequence: sequence, data: escaped.span)
      return JournalTag(block: block, flags: .escaped, checksum: checksum)
    }
    return JournalTag(
      block: block, checksum: content.withBytes { layout.tagChecksum(sequence: sequence, data: $0) })
  }

  private func append(_ block: [UInt8], _ writer: inout Writer) throws(Errno) {
    try makeRoom(&writer)
    buffer.slice(writer.count * cache.blockByteCount, cache.blockByteCount).copy(from: block)
    advance(&writer)
  }

  private func makeRoom(_ writer: inout Writer) throws(Errno) {
    if writer.count == bufferBlockCount { try send(&writer) }
  }

  private func advance(_ writer: inout Writer) {
    writer.count += 1
    writer.position = writer.position + 1 == ring.upperBound ? ring.lowerBound : writer.position + 1
  }

  /// Writes the buffer: one request for each piece that is in one on the device.
  private func send(_ writer: inout Writer) throws(Errno) {
    guard writer.count > 0 else { return }
    let size = cache.blockByteCount
    var position = Int(writer.position) - writer.count
    if position < Int(ring.lowerBound) { position += ring.count }
    var requests: [BlockRequest] = []
    var done = 0
    while done < writer.count {
      guard let run = map.run(atOrAfter: UInt64(position)), run.logical <= UInt64(position) else {
        throw .corrupted
      }
      let physical = run.physical + (UInt64(position) - run.logical)
      let end = min(Int(run.logicalEnd), Int(ring.upperBound))
      let count = min(end - position, writer.count - done)
      requests.append(
        BlockRequest(
          .write, byteOffset: physical * UInt64(size), memory: buffer.slice(done * size, count * size)))
      done += count
      position = position + count == ring.upperBound ? Int(ring.lowerBound) : position + count
    }
    writer.count = 0
    try cache.queue.perform(requests)
  }

  private func writeSuperblock() throws(Errno) {
    superblock.updateChecksum()
    guard let first = map.run(atOrAfter: 0), first.logical == 0 else { throw .corrupted }
    let memory = buffer.slice(0, cache.blockByteCount)
    memory.fill(with: 0)
    memory.copy(from: superblock.bytes)
    try cache.queue.perform(
      BlockRequest(.write, byteOffset: first.physical * UInt64(cache.blockByteCount), memory: memory))
  }
}
