import HostSystem
import Synchronization
import SystemPackage

extension FileSystem {
  /// Loads the location of the inode's data, unless it is loaded.
  func load(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    let isLoaded = inode.lock.shared { inode.data != nil }
    if !isLoaded { try inode.lock.exclusively { () throws(Errno) in try readMap(inode, resources) } }
  }

  /// Loads as ``load(_:_:)`` does, for a caller that has the inode exclusively and will change its data, which are in
  /// blocks on the device afterwards.
  func loadLocked(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    try loadChangeable(inode, resources)
    try writeDelayed(inode, resources)
  }

  /// Loads as ``loadLocked(_:_:)`` does, but leaves what is delayed.
  func loadChangeable(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    try readMap(inode, resources)
    if let content = inode.data?.inlineContent { try leaveInode(inode, content, resources) }
  }

  /// Reads the location of the data, for a caller that has the inode exclusively.
  func readMap(_ inode: OpenInode, _ resources: ServingResources) throws(Errno) {
    guard inode.data == nil else { return }
    inode.data = try inspect(resources) { (metadata) throws(Errno) in
      let record = try metadata.inode(inode.number)
      guard record.byteCount <= UInt64(blockByteCount) << 32 else { throw .corrupted }
      if record.isEncrypted { throw .noKey }
      guard record.isRegularFile else { throw record.isDirectory ? .isDirectory : .invalidArgument }
      inode.isSynchronous.store(record.isSynchronous, ordering: .relaxed)
      if metadata.isInline(record) {
        return FileData(
          map: ExtentMap(), byteCount: record.byteCount, usesExtents: metadata.hasExtents,
          inlineContent: try metadata.inlineData(of: record))
      }
      return FileData(
        map: try metadata.runs(of: record), byteCount: record.byteCount, usesExtents: record.usesExtents)
    }
  }

  /// Reads from a file; short at its end, and at most ``ServingResources/transferByteCount``.
  ///
  /// - Returns: Bytes that stay until the resources's next operation.
  func read(
    _ inode: OpenInode, offset: UInt64, byteCount: Int, _ resources: ServingResources
  ) throws(Errno) -> BlockMemory {
    try load(inode, resources)
    inode.lock.lockShared()
    defer { inode.lock.unlock() }
    guard let data = inode.data else { throw .ioError }
    guard offset < data.byteCount, byteCount > 0 else { return resources.answer.slice(0, 0) }
    let count = Int(min(UInt64(min(byteCount, ServingResources.transferByteCount)), data.byteCount - offset))
    if let content = data.inlineContent {
      let bytes = resources.answer.slice(0, count)
      bytes.copy(from: content.span.extracting(Int(offset)..<Int(offset) + count))
      return bytes
    }
    let block = UInt64(blockByteCount)
    let first = offset / block
    let end = (offset + UInt64(count) + block - 1) / block
    // The blocks begin so that the answer's bytes come to lie where it begins, unless the device needs other memory.
    let lead = Int(offset - first * block)
    let start = resources.answerOffset - (lead % device.logicalBlockByteCount == 0 ? lead : 0)
    let blocks = resources.answerBuffer.slice(start, Int(end - first) * blockByteCount)
    try readBlocks(first..<end, map: data.map, into: blocks, resources)
    data.delayed?.overlay(first..<end, in: blocks)
    return blocks.slice(lead, count)
  }

  /// Reads blocks of a file; holes and unwritten blocks read as zeros.
  func readBlocks(
    _ range: Range<UInt64>, map: ExtentMap, into target: BlockMemory, _ resources: ServingResources
  ) throws(Errno) {
    let size = UInt64(blockByteCount)
    resources.requests.removeAll(keepingCapacity: true)
    var index = map.firstIndex(endingAfter: range.lowerBound)
    var block = range.lowerBound
    while block < range.upperBound {
      let run = index < map.runs.count ? map.runs[index] : nil
      let begins = run.map { max($0.logical, block) } ?? range.upperBound
      if let run, begins == block {
        let end = min(run.logicalEnd, range.upperBound)
        let piece = target.slice(Int((block - range.lowerBound) * size), Int((end - block) * size))
        if run.state == .unwritten {
          piece.fill(with: 0)
        } else {
          resources.requests.append(
            BlockRequest(.read, byteOffset: (run.physical + (block - run.logical)) * size, memory: piece))
        }
        block = end
        index += 1
      } else {
        let end = min(begins, range.upperBound)
        let piece = target.slice(Int((block - range.lowerBound) * size), Int((end - block) * size))
        piece.fill(with: 0)
        block = end
      }
    }
    try perform(resources)
  }

  /// Sends the resources's requests.
  func perform(_ resources: ServingResources) throws(Errno) {
    switch resources.requests.count {
    case 0: return
    case 1: try resources.queue.perform(resources.requests[0])
    default: try resources.queue.perform(resources.requests)
    }
  }

  /// Returns the start of the next data or the next hole (lseek(2)'s `SEEK_DATA` and `SEEK_HOLE`).
  func seek(_ inode: OpenInode, offset: UInt64, toData: Bool, _ resources: ServingResources) throws(Errno)
    -> UInt64
  {
    try load(inode, resources)
    inode.lock.lockShared()
    defer { inode.lock.unlock() }
    guard let data = inode.data, offset < data.byteCount else { throw .noSuchAddressOrDevice }
    if data.inlineContent != nil { return toData ? offset : data.byteCount }
    let size = UInt64(blockByteCount)
    var position = offset
    // What is delayed has blocks that are called unwritten.
    var map = data.map
    if let delayed = data.delayed { map.markPending(delayed.blocks) }
    while position < data.byteCount {
      let run = map.run(atOrAfter: position / size)
      let isData = run.map { $0.logical <= position / size && $0.state != .unwritten } ?? false
      if isData == toData { return position }
      guard let run else { break }
      position = run.logical > position / size ? run.logical * size : run.logicalEnd * size
    }
    if toData { throw .noSuchAddressOrDevice }
    return data.byteCount
  }

  /// Call after a change of data or their extent.
  func noteWrite(_ inode: OpenInode) {
    inode.pendingWriteTime.store(HostClock.realtimeNanoseconds(), ordering: .relaxed)
    expectAccess(inode)
    markDirty(inode)
  }

  /// Call when the disk does not know the location of all data.
  func noteDataChange(_ inode: OpenInode) {
    inode.lacksData.store(true, ordering: .relaxed)
    noteWrite(inode)
  }

  /// Call when the running transaction, or the disk without a journal, knows the location of the data.
  func noteDataWritten(_ inode: OpenInode) {
    inode.dataTransaction.store(runningTransaction, ordering: .sequentiallyConsistent)
  }

  /// Marks the inode as newer than the disk's copy.
  func markDirty(_ inode: OpenInode) {
    if !inode.isDirty.exchange(true, ordering: .relaxed) {
      _ = dirty.withLock { $0.insert(inode.number) }
    }
  }
}
