import HostSystem
import SystemPackage

/// The blocks of metadata that libext2fs has read or written.
///
/// With a journal, changed blocks stay here until their transaction is committed (``transaction``). Without one, writes reach
/// the device in the order in which they are made, before the call returns; between ``beginBatch()`` and ``endBatch()`` they
/// stay here, each block once, and are then written in an order that leaves no pointer to a block that was not written
/// yet. A block whose content would not change is not written.
///
/// Belongs to the thread that holds the lock of the metadata, which lends it a queue.
final class MetadataCache {
  let blockByteCount: Int
  let deviceByteCount: UInt64
  /// The queue of the thread that holds the metadata's lock.
  var queue: any BlockQueue
  /// The first error of a write: the device no longer has what this cache has.
  private(set) var writeError: Errno?
  /// The running transaction; nil without a journal.
  var transaction: JournalTransaction?

  let slotCount: Int
  private let slots: BlockBuffer
  private let transfer: BlockBuffer
  private let transferBlockCount: Int
  /// The buffer of the write under way.
  private let writeBuffer: BlockBuffer
  private let writeBlockCount: Int
  private var slotOfBlock: [UInt64: Int] = [:]
  private var blockOfSlot: [UInt64?]
  private var wasUsed: [Bool]
  private var hand = 0

  private var isBatching = false
  /// Blocks to be written, in the order of their last change.
  private var deferred: [UInt64: Int] = [:]
  private var changeCount = 0
  /// Blocks that were allocated during the batch: nothing on the device points at them yet.
  private var fresh: Set<UInt64> = []

  /// The most that is written at a time.
  static let writeByteCount = 256 << 10

  init(device: any BlockDevice, queue: any BlockQueue, blockByteCount: Int, byteCount: Int = 16 << 20)
    throws(Errno)
  {
    self.blockByteCount = blockByteCount
    self.queue = queue
    deviceByteCount = device.byteCount
    slotCount = max(byteCount / blockByteCount, 64)
    slots = try BlockBuffer(byteCount: slotCount * blockByteCount)
    transferBlockCount = max(65536 / blockByteCount, 1)
    transfer = try device.allocateBuffer(byteCount: transferBlockCount * blockByteCount)
    writeBlockCount = max(Self.writeByteCount / blockByteCount, 1)
    writeBuffer = try device.allocateBuffer(byteCount: writeBlockCount * blockByteCount)
    blockOfSlot = Array(repeating: nil, count: slotCount)
    wasUsed = Array(repeating: false, count: slotCount)
  }

  // MARK: Bytes

  /// Reads bytes of the device.
  func read(byteOffset: UInt64, byteCount: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var target = bytes.mutableSpan
    try read(byteOffset: byteOffset, into: &target)
    return bytes
  }

  /// Changes bytes of the device.
  func write(byteOffset: UInt64, bytes: [UInt8]) throws(Errno) {
    try write(byteOffset: byteOffset, from: bytes.span)
  }

  func read(byteOffset: UInt64, into target: inout MutableSpan<UInt8>) throws(Errno) {
    try checkRange(byteOffset, target.count)
    var done = 0
    while done < target.count {
      let position = byteOffset + UInt64(done)
      let block = position / UInt64(blockByteCount)
      let inside = Int(position % UInt64(blockByteCount))
      let count = min(blockByteCount - inside, target.count - done)
      let wanted = (target.count - done + inside + blockByteCount - 1) / blockByteCount
      let slot = try slotHolding(block, readAheadCount: wanted)
      slots.copy(slot * blockByteCount + inside, count, to: &target, at: done)
      done += count
    }
  }

  func write(byteOffset: UInt64, from source: Span<UInt8>) throws(Errno) {
    try checkRange(byteOffset, source.count)
    var done = 0
    while done < source.count {
      let position = byteOffset + UInt64(done)
      let block = position / UInt64(blockByteCount)
      let inside = Int(position % UInt64(blockByteCount))
      let count = min(blockByteCount - inside, source.count - done)
      try writePiece(block: block, inside: inside, source.extracting(done..<done + count))
      done += count
    }
  }

  private func writePiece(block: UInt64, inside: Int, _ piece: Span<UInt8>) throws(Errno) {
    let isKnown = slotOfBlock[block] != nil
    let slot: Int
    if isKnown || piece.count < blockByteCount {
      slot = try slotHolding(block, readAheadCount: 1)
    } else {
      slot = try takeSlot(for: block)
    }
    let position = slot * blockByteCount + inside
    if isKnown || piece.count < blockByteCount, slots.holds(piece, at: position) { return }
    slots.copy(from: piece, to: position)
    if transaction != nil {
      transaction?.noteChange(of: block)
    } else if isBatching {
      changeCount += 1
      deferred[block] = changeCount
      if deferred.count > slotCount / 2 { try writeDeferred() }
    } else {
      try writeBack([block])
    }
  }

  private func checkRange(_ byteOffset: UInt64, _ count: Int) throws(Errno) {
    guard count >= 0, byteOffset <= deviceByteCount, UInt64(count) <= deviceByteCount - byteOffset else {
      throw .ioError
    }
  }

  // MARK: Batches

  /// Collects writes from now on.
  func beginBatch() { isBatching = true }

  /// Writes what was collected: new blocks first, then inodes and the like, then nodes of extent trees from the top down.
  func endBatch() throws(Errno) {
    isBatching = false
    try writeDeferred()
    fresh.removeAll(keepingCapacity: true)
  }

  /// Drops the cached blocks of a range, which now belongs to a file's data or is free.
  func forget(block: UInt64, count: Int) {
    let (end, overflow) = block.addingReportingOverflow(UInt64(max(count, 0)))
    guard !overflow else { return }
    transaction?.noteRelease(of: block..<end)
    if count > slotCount {
      for known in Array(slotOfBlock.keys) where known >= block && known < end { drop(known) }
    } else {
      for known in block..<end { drop(known) }
    }
  }

  /// A block was allocated for a structure.
  func noteAllocation(block: UInt64) {
    if isBatching, transaction == nil { fresh.insert(block) }
  }

  // MARK: Journal

  /// A block that is here for certain, since it waits to be written. Valid until the next call.
  func content(of block: UInt64) throws(Errno) -> BlockMemory {
    guard let slot = slotOfBlock[block] else { throw .ioError }
    return slots.slice(slot * blockByteCount, blockByteCount)
  }

  /// Copies a block that is here for certain.
  func copy(block: UInt64, to target: BlockMemory) throws(Errno) {
    target.copy(from: try content(of: block))
  }

  /// Writes to their places all committed blocks that the running transaction has not changed since.
  func writeCommitted() throws(Errno) {
    guard let transaction else { return }
    let blocks = transaction.unwritten.subtracting(transaction.changed).sorted()
    try writeBack(blocks)
    self.transaction?.noteWritten(blocks)
  }

  private func writeDeferred() throws(Errno) {
    guard !deferred.isEmpty else { return }
    let order = deferred.map { (block: $0.key, rank: rank(of: $0.key), change: $0.value) }
      .sorted { ($0.rank, $0.change) < ($1.rank, $1.change) }
    deferred.removeAll(keepingCapacity: true)
    // One rank after the other; within a rank, neighbouring blocks in one request.
    var first = 0
    while first < order.count {
      let end = order[first...].firstIndex { $0.rank != order[first].rank } ?? order.count
      try writeBack(order[first..<end].map(\.block).sorted())
      first = end
    }
    // From now on something may point at them.
    for written in order { fresh.remove(written.block) }
  }

  /// 0 for a block to which nothing points yet, 1 for a block that is not a node of an extent tree, then the nodes from the top down.
  private func rank(of block: UInt64) -> Int {
    if fresh.contains(block) { return 0 }
    guard let slot = slotOfBlock[block] else { return 1 }
    let header = slots.slice(slot * blockByteCount, 8)
    // eh_magic and eh_depth of ext4's struct ext4_extent_header.
    let magic = header.load(UInt16.self, at: 0)
    let depth = header.load(UInt16.self, at: 6)
    return magic == 0xF30A && depth <= 5 ? 7 - Int(depth) : 1
  }

  /// Writes blocks, in rising order, to their places: neighbours in one request, several requests at a time.
  private func writeBack(_ blocks: [UInt64]) throws(Errno) {
    var rest = blocks[...]
    while !rest.isEmpty {
      let part = rest.prefix(writeBlockCount)
      rest = rest.dropFirst(part.count)
      do throws(Errno) {
        try queue.perform(try writeRequests(Array(part)))
      } catch {
        writeError = writeError ?? error
        for block in part { drop(block) }
        throw error
      }
    }
  }

  private func writeRequests(_ blocks: [UInt64]) throws(Errno) -> [BlockRequest] {
    var requests: [BlockRequest] = []
    var first = 0
    while first < blocks.count {
      var count = 0
      repeat {
        try copy(
          block: blocks[first + count],
          to: writeBuffer.slice((first + count) * blockByteCount, blockByteCount))
        count += 1
      } while first + count < blocks.count && blocks[first + count] == blocks[first] + UInt64(count)
      requests.append(
        BlockRequest(
          .write, byteOffset: blocks[first] * UInt64(blockByteCount),
          memory: writeBuffer.slice(first * blockByteCount, count * blockByteCount)))
      first += count
    }
    return requests
  }

  // MARK: Slots

  private func slotHolding(_ block: UInt64, readAheadCount: Int) throws(Errno) -> Int {
    if let slot = slotOfBlock[block] {
      wasUsed[slot] = true
      return slot
    }
    var count = 1
    while count < min(readAheadCount, transferBlockCount), slotOfBlock[block + UInt64(count)] == nil {
      count += 1
    }
    let offset = block * UInt64(blockByteCount)
    // The last block of a device may be cut off.
    let available = min(UInt64(count * blockByteCount), (deviceByteCount - offset) / 512 * 512)
    let memory = transfer.slice(0, Int(available))
    if Int(available) < count * blockByteCount { transfer.fill(0, count * blockByteCount, with: 0) }
    try queue.perform(BlockRequest(.read, byteOffset: offset, memory: memory))
    for index in (0..<count).reversed() {
      let slot = try takeSlot(for: block + UInt64(index))
      slots.copy(
        from: transfer.slice(index * blockByteCount, blockByteCount), to: slot * blockByteCount)
    }
    guard let slot = slotOfBlock[block] else { throw .ioError }
    return slot
  }

  /// A slot for a block that has none, by the clock algorithm; blocks that wait for their write stay.
  private func takeSlot(for block: UInt64) throws(Errno) -> Int {
    for _ in 0..<slotCount * 2 + 1 {
      let slot = hand
      hand = (hand + 1) % slotCount
      if let holder = blockOfSlot[slot] {
        if deferred[holder] != nil { continue }
        if let transaction {
          if transaction.changed.contains(holder) { continue }
          // All at once: one by one would take one request for each block.
          if transaction.unwritten.contains(holder), !wasUsed[slot] { try writeCommitted() }
        }
        if wasUsed[slot] {
          wasUsed[slot] = false
          continue
        }
        slotOfBlock[holder] = nil
      }
      blockOfSlot[slot] = block
      slotOfBlock[block] = slot
      wasUsed[slot] = true
      return slot
    }
    throw .noMemory
  }

  private func drop(_ block: UInt64) {
    deferred[block] = nil
    guard let slot = slotOfBlock.removeValue(forKey: block) else { return }
    blockOfSlot[slot] = nil
    wasUsed[slot] = false
  }
}
